// The turn of a reactor that a host drives. The host delivers events whenever it finds them, and
// calls turn() after them, after a wake-up, and at the time that was armed. What changes in
// between, from the host's own callbacks, asks for a turn soon: the host was told a deadline that
// may be too late now.
#include <utility>

#include "core.h"

namespace rondo::detail {

template <typename F>
void Core::guard(F&& step) noexcept {
  try {
    step();
  } catch (...) {
    threw(std::current_exception());
  }
}

void Core::threw(std::exception_ptr exception) noexcept {
  if (!exception_hook_) {
    if (!hosted_->take(exception)) std::terminate();
    return nudge_host();
  }
  // The hook may set another one, so it is not called in its place, but put back if it did not.
  struct Lent {
    ExceptionHook& place;
    ExceptionHook hook;
    ~Lent() {
      if (!place) place = std::move(hook);
    }
  } lent{exception_hook_, std::move(exception_hook_)};
  lent.hook(std::move(exception));
  nudge_host();  // what it left undone is for the next turn
}

void Core::turn() noexcept {
  if (in_turn_) return;  // the host was run from inside a callback
  in_turn_ = true;
  nudged_ = false;
  timers_.begin_turn();
  nudged_ = static_cast<bool>(renew_if_forked());
  guard([this] {
    if (has_work()) run_work();
  });
  guard([this] {
    if (signals_.pending()) signals_.run_pending();
  });
  guard([this] { run_timers(); });
  guard([this] { settle_streams(); });
  in_turn_ = false;
  arm_host();
}

void Core::arm_host() noexcept {
  const TimePoint deadline = deadline_for_wait(busy() ? unknown : never);
  guard([this] { watches_.hint_refused(); });
  const bool soon = std::exchange(nudged_, false);
  hosted_->arm(soon ? unknown : deadline,
               alive() ? HostedBackend::Hold::keeps_host : HostedBackend::Hold::lets_host_end);
}

void Core::nudge_host() noexcept {
  if (std::exchange(nudged_, true) || in_turn_) return;
  hosted_->arm(unknown, HostedBackend::Hold::keeps_host);
}

}  // namespace rondo::detail
