// Which backends the conformance suite runs on: each test program that contains it defines this.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <rondo/backend.h>

namespace rondo::test {

struct BackendUnderTest {
  std::string name;  // letters, digits and _ alone: it becomes part of the tests' names
  std::function<std::unique_ptr<Backend>()> make;

  friend std::ostream& operator<<(std::ostream& out, const BackendUnderTest& backend) {
    return out << backend.name;
  }
};

std::vector<BackendUnderTest> backends_under_test();

}  // namespace rondo::test
