// A sink that keeps what a backend tells.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include <rondo/backend.h>

namespace rondo::test {

/// What was told, in its order.
struct Told {
  struct Event {
    Token token;
    Ready ready;
  };

  /// All that was told of `token`.
  [[nodiscard]] Ready told(Token token) const {
    Ready all = Ready::none;
    for (const Event& event : events) {
      if (event.token == token) all |= event.ready;
    }
    return all;
  }

  /// How often `token` was told to be able to do any of `ready`.
  [[nodiscard]] std::size_t count(Token token, Ready ready) const {
    std::size_t times = 0;
    for (const Event& event : events) {
      if (event.token == token && (event.ready & ready) != Ready::none) ++times;
    }
    return times;
  }

  std::vector<Event> events;
};

class CollectingSink final : public Sink, public Told {
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
