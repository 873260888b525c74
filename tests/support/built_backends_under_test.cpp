// SPDX-License-Identifier: MIT
// The conformance suite on every backend that is built.
#include "support/built_backends_under_test.h"

namespace rondo::test {

std::vector<BackendUnderTest> backends_under_test() {
  std::vector<BackendUnderTest> all;
  for (const BuiltBackend& built : built_backends()) {
    // libuv opens a pipe at the first loop of a process and keeps it: before any census.
    (void)built.make();
    all.push_back({std::string{built.name}, [&built] { return built.make().value(); }});
  }
  for (BackendUnderTest& one : simulated_backends_under_test()) all.push_back(std::move(one));
  return all;
}

}  // namespace rondo::test
