// SPDX-License-Identifier: MIT
#include "support/built_backends_under_test.h"

namespace rondo::test {

std::vector<BackendUnderTest> simulated_backends_under_test() { return {}; }

}  // namespace rondo::test
