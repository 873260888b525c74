// cache: what all clients share.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "channels.h"
#include "reply.h"
#include "request.h"
#include "store.h"

namespace cache {

/// Time for the store: milliseconds since 1970, by the time of the reactor's turn, which costs no
/// call of the system. What was said for the system's clock is asked again now and then, since that
/// clock may be set.
class Clock {
 public:
  explicit Clock(rondo::Reactor& reactor) : reactor_(reactor), started_(reactor.now()) { set(); }

  void set() {
    using std::chrono::system_clock;
    offset_ = milliseconds(system_clock::now().time_since_epoch()) -
              milliseconds(reactor_.now().time_since_epoch());
  }
  [[nodiscard]] std::int64_t now() const {
    return milliseconds(reactor_.now().time_since_epoch()) + offset_;
  }
  [[nodiscard]] std::int64_t seconds_running() const {
    return milliseconds(reactor_.now() - started_) / 1000;
  }

 private:
  template <typename Duration>
  static std::int64_t milliseconds(Duration duration) noexcept {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  }

  rondo::Reactor& reactor_;
  rondo::TimePoint started_;
  std::int64_t offset_ = 0;
};

struct Service {
  Service(rondo::Reactor& reactor, std::size_t memory_max) : clock(reactor), store(memory_max) {}

  Clock clock;
  Store store;
  Channels channels;
  // One call at a time uses them: a client has none of its own while it waits.
  ReplyBuffer replies;
  Request request;

  std::int64_t clients = 0;
  std::int64_t clients_ever = 0;
  std::uint64_t commands = 0;
};

}  // namespace cache
