// SPDX-License-Identifier: MIT
// The turn of a reactor that a host drives. The host delivers events whenever it finds them. It
// calls turn() after the events, after a wake-up, and at the armed time. A change in between, from
// one of the host's own callbacks, requests a turn soon, because the armed time may be too late
// now.
#include <utility>

#include "callbacks.h"
#include "loop.h"

namespace rondo::detail {

template <typename F>
void Loop::guard(F&& step) noexcept {
  try {
    step();
  } catch (...) {
    threw(std::current_exception());
  }
}

void Loop::threw(std::exception_ptr exception) noexcept {
  if (!exception_handler_) {
    if (!hosted_->take_exception(exception)) std::terminate();
    return request_host_turn();
  }
  Lent handler{exception_handler_};
  handler(std::move(exception));
  request_host_turn();  // the next turn does what was left undone
}

void Loop::turn() noexcept {
  forget_thread_of_parent();
  if (in_turn_) return;  // a callback has run the host's loop
  in_turn_ = true;
  runner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  turn_requested_ = false;
  timers_.begin_turn();
  turn_requested_ = static_cast<bool>(reinit_if_forked());
  guard([this] {
    if (has_work()) run_work();
  });
  guard([this] {
    if (signals_.pending()) signals_.run_pending();
  });
  guard([this] { run_timers(); });
  guard([this] { end_turn(); });
  guard([this] {
    const bool requested = turn_requested_;
    wait_hooks_.run();
    turn_requested_ = requested;  // arm_host() finds what the hooks have changed
  });
  runner_.store(std::thread::id{}, std::memory_order_relaxed);
  in_turn_ = false;
  arm_host();
}

void Loop::arm_host() noexcept {
  const TimePoint deadline = deadline_for_wait(busy() ? unknown : never);
  guard([this] { watches_.hint_refused(); });
  const bool soon = std::exchange(turn_requested_, false);
  hosted_->arm(soon ? unknown : deadline, alive() ? HostedBackend::Liveness::keeps_host
                                                  : HostedBackend::Liveness::lets_host_end);
}

void Loop::request_host_turn() noexcept {
  if (std::exchange(turn_requested_, true) || in_turn_) return;
  hosted_->arm(unknown, HostedBackend::Liveness::keeps_host);
}

}  // namespace rondo::detail
