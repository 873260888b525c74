// SPDX-License-Identifier: MIT
// Which backends the conformance suite runs on: the program that contains it defines
// backends_under_test(). To certify a backend of your own, see docs/certify.md.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <rondo/backend.h>

#include "support/kernel.h"

namespace rondo::test {

struct BackendUnderTest {
  std::string name;  // letters, digits and _ alone: it becomes part of the tests' names
  std::function<std::unique_ptr<Backend>()> make;
  /// The kernel of the descriptors that it watches; called once a case, before `make`, and kernel()
  /// is what it returned until the case is over. Without it: the system's.
  std::function<std::unique_ptr<KernelAccess>()> make_kernel{};

  friend std::ostream& operator<<(std::ostream& out, const BackendUnderTest& backend) {
    return out << backend.name;
  }
};

std::vector<BackendUnderTest> backends_under_test();

}  // namespace rondo::test
