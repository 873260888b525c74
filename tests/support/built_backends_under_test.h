// SPDX-License-Identifier: MIT
// What is built in, and has no name in built_backends().
#pragma once

#include <vector>

#include "support/backends_under_test.h"

namespace rondo::test {

/// The simulated network, if it is built: a file for each case, chosen by Meson.
std::vector<BackendUnderTest> simulated_backends_under_test();

}  // namespace rondo::test
