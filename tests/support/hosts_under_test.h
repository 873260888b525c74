// SPDX-License-Identifier: MIT
// Which host loops the hosted suite runs on: the program that contains it defines
// hosts_under_test(). To certify a HostedBackend of your own, see docs/certify.md.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <rondo/backend.h>
#include <rondo/time.h>

namespace rondo::test {

/// A loop that hosts one reactor.
class Host {
 public:
  virtual ~Host() = default;

  /// The backend of the reactor; called once. The reactor is destroyed before the host.
  [[nodiscard]] virtual std::unique_ptr<HostedBackend> backend() = 0;
  /// One round of the loop, as its user runs it: sleeps until something is ready for the reactor,
  /// but no longer than `wait_max`, and handles what is ready.
  virtual void run_once(Duration wait_max) = 0;
  /// Whether the loop would run on because of the reactor; see HostedBackend::Liveness.
  [[nodiscard]] virtual bool is_kept() = 0;
};

struct HostUnderTest {
  std::string name;  // letters, digits and _ alone: it becomes part of the tests' names
  std::function<std::unique_ptr<Host>()> make;

  friend std::ostream& operator<<(std::ostream& out, const HostUnderTest& host) {
    return out << host.name;
  }
};

std::vector<HostUnderTest> hosts_under_test();

}  // namespace rondo::test
