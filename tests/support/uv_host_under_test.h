// SPDX-License-Identifier: MIT
// libuv's loop as a host under test, where the build has it.
#pragma once

#include <vector>

#include "support/hosts_under_test.h"

namespace rondo::test {

std::vector<HostUnderTest> uv_hosts_under_test();

}  // namespace rondo::test
