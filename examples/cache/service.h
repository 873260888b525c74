// SPDX-License-Identifier: MIT
// cache: what all clients share.
#pragma once

#include <chrono>
#include <cstdint>

#include <rondo/before_wait.h>
#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "channels.h"
#include "reply.h"
#include "request.h"
#include "store.h"

namespace cache {

struct Service {
  Service(rondo::Reactor& reactor, std::size_t memory_max)
      : store(memory_max),
        sweep(reactor,
              [this] {
                keep_time();
                store.sweep();
                sweep_if_needed();
              }),
        forget_time(reactor, [this] { knows_time = false; }) {
    sweep.unref();  // it does not keep the server from ending
  }

  /// The clock is read once in a turn of the reactor: all requests of a turn have one time.
  void keep_time() {
    if (knows_time) return;
    knows_time = true;
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    store.set_time(duration_cast<milliseconds>(since_1970).count());
  }
  /// Without keys that have a time, no timer runs, and an idle server is not woken.
  void sweep_if_needed() {
    constexpr auto period = std::chrono::milliseconds{100};
    if (store.expiring() > 0 && !sweep.armed()) [[unlikely]]
      sweep.arm_after(period);
  }

  Store store;
  Channels channels;
  rondo::Timer sweep;
  rondo::BeforeWait forget_time;
  bool knows_time = false;
  // One call at a time uses them: a client has none of its own while it waits.
  ReplyBuffer replies;
  Request request;

  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  std::int64_t clients = 0;
  std::int64_t clients_ever = 0;
  std::uint64_t commands = 0;
};

}  // namespace cache
