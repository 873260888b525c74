// SPDX-License-Identifier: MIT
// rondo: timers. They count nanoseconds, are never early, and are cheap to postpone.
#pragma once

#include <cstdint>

#include <rondo/export.h>
#include <rondo/function.h>
#include <rondo/time.h>

namespace rondo {

class Reactor;
namespace detail {
class Loop;
class TimerQueue;
constexpr Duration once{-1};  // the period of a timer that is not periodic
}  // namespace detail

/// Calls back at a point in time, once or periodically. Arming never allocates or fails, and is
/// allowed everywhere, also inside a timer's callback. A timer that is armed now runs in the next
/// turn at the earliest. Timers with the same deadline run in the order in which they were armed.
/// Destroying a timer cancels it, also from its own callback. Destroy it before the reactor, and
/// use it on the reactor's thread only.
///
///     rondo::Timer timer{reactor, [&] { connection.close(); }};
///     timer.arm_after(std::chrono::seconds{30});
class RONDO_EXPORT Timer {
 public:
  /// Not armed at first. Throws std::bad_alloc.
  Timer(Reactor& reactor, Function<void()> callback);
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) = delete;
  ~Timer();

  /// Runs once, at `deadline` or in the first turn after it. A deadline that has passed means the
  /// next turn. arm_at(reactor.now() + timeout) is the cheapest way to postpone a timeout, because
  /// it uses the time of the turn instead of reading the clock.
  void arm_at(TimePoint deadline) noexcept;

  /// Runs once, `delay` from now. It reads the clock, so it is not early even after a slow
  /// callback.
  void arm_after(Duration delay) noexcept;

  /// Runs at `now + period` and then once in each period, counted from the previous deadline, so
  /// that it does not drift. Periods that have passed meanwhile are skipped and counted in
  /// missed(). A period of zero or less means every turn.
  void arm_every(Duration period) noexcept;

  /// Disarms it: the callback is not called until it is armed again.
  void cancel() noexcept;

  /// Whether the callback will be called.
  [[nodiscard]] bool armed() const noexcept;
  /// The next deadline; `never` if not armed.
  [[nodiscard]] TimePoint deadline() const noexcept;
  /// The number of periods skipped before the callback that is running, or that ran last.
  [[nodiscard]] std::uint64_t missed() const noexcept;

  /// A timer that is not referenced does not keep run() from returning. New ones are.
  void ref() noexcept;
  /// Undoes ref(): run() may return while the timer is armed.
  void unref() noexcept;

 private:
  friend class detail::TimerQueue;
  enum class State : std::uint8_t { idle, queued, due };

  [[nodiscard]] bool is_armed() const noexcept { return deadline_ != never; }
  void arm(TimePoint deadline, Duration period) noexcept;

  detail::Loop* loop_;
  TimePoint deadline_ = never;
  TimePoint looked_at_ = never;  // while armed and queued: the time of its entry; else never
  Duration period_ = detail::once;
  std::uint64_t order_ = 0;
  std::uint64_t queued_order_ = 0;
  std::uint64_t missed_ = 0;
  std::uint32_t position_ = 0;
  State state_ = State::idle;
  bool referenced_ = true;
  Function<void()> callback_;
};

}  // namespace rondo
