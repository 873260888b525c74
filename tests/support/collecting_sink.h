// SPDX-License-Identifier: MIT
// A sink that keeps the reports of a backend.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include <rondo/backend.h>

namespace rondo::test {

/// The reports, in their order.
struct Reports {
  struct Event {
    Token token;
    Ready ready;
  };

  /// All readiness that was reported under `token`.
  [[nodiscard]] Ready reported(Token token) const {
    Ready all = Ready::none;
    for (const Event& event : events) {
      if (event.token == token) all |= event.ready;
    }
    return all;
  }

  /// How often any of `ready` was reported under `token`.
  [[nodiscard]] std::size_t count(Token token, Ready ready) const {
    std::size_t times = 0;
    for (const Event& event : events) {
      if (event.token == token && (event.ready & ready) != Ready::none) ++times;
    }
    return times;
  }

  std::vector<Event> events;
};

class CollectingSink final : public Sink, public Reports {
 public:
  void batch_ended() override {}

  std::function<void(Token, Ready)> then;

 private:
  void unclaimed(Token token, Ready ready) override {
    events.push_back({token, ready});
    if (then) then(token, ready);
  }
};

}  // namespace rondo::test
