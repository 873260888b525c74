// rondo: timers. Nanoseconds, never early, cheap to move.
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
constexpr Duration once{-1};  // the period of a timer that has none
}  // namespace detail

/// Calls back at a point in time, once or periodically. Arming never allocates nor fails, and may
/// be done anywhere, in any timer's callback too; a timer armed now runs in the next turn at the
/// earliest. Timers of the same deadline run in the order in which they were armed. Destroying it
/// cancels it, also from its own callback. Not after the reactor. Thread: the reactor's.
class RONDO_EXPORT Timer {
 public:
  Timer(Reactor& reactor, Function<void()> callback);
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) = delete;
  ~Timer();

  /// Once, at `deadline` or as soon after as the loop comes round. A deadline that has passed
  /// means the next turn. To count from the turn's time instead of the clock's, the cheapest way to
  /// push a timeout ahead: arm_at(reactor.now() + timeout).
  void arm_at(TimePoint deadline) noexcept;

  /// Once, `delay` from now: the clock is read, so it is not early even after a slow callback.
  void arm_after(Duration delay) noexcept;

  /// At `now + period`, and again every period, counted from the deadline before, so that it does
  /// not drift. Periods that have passed meanwhile are skipped, and counted in missed(). A period
  /// of zero or less means every turn.
  void arm_every(Duration period) noexcept;

  void cancel() noexcept;

  [[nodiscard]] bool armed() const noexcept { return deadline_ != never; }
  /// The next deadline; `never` if not armed.
  [[nodiscard]] TimePoint deadline() const noexcept { return deadline_; }
  /// How many periods were skipped before the callback that is running, or ran last.
  [[nodiscard]] std::uint64_t missed() const noexcept { return missed_; }

  /// A timer that is not referenced does not keep run() from returning. New ones are.
  void ref() noexcept;
  void unref() noexcept;

 private:
  friend class detail::TimerQueue;
  enum class Place : std::uint8_t { nowhere, queue, due };

  void arm(TimePoint deadline, Duration period) noexcept;

  detail::Loop* loop_;
  TimePoint deadline_ = never;
  TimePoint looked_at_ = never;  // while armed and queued: when its entry comes up; else never
  Duration period_ = detail::once;
  std::uint64_t order_ = 0;
  std::uint64_t queued_order_ = 0;
  std::uint64_t missed_ = 0;
  std::uint32_t position_ = 0;
  Place place_ = Place::nowhere;
  bool referenced_ = true;
  Function<void()> callback_;
};

}  // namespace rondo
