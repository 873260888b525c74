// SPDX-License-Identifier: MIT
#include "support/uv_host_under_test.h"

namespace rondo::test {

std::vector<HostUnderTest> uv_hosts_under_test() { return {}; }

}  // namespace rondo::test
