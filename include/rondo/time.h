// rondo: points in time and durations. One clock, monotonic, counted in nanoseconds.
#pragma once

#include <chrono>

namespace rondo {

using Clock = std::chrono::steady_clock;
using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<Clock, Duration>;

/// The deadline of what has none.
constexpr TimePoint never = TimePoint::max();
/// A timeout that never passes.
constexpr Duration forever = Duration::max();

/// `start` + `delay`, but `never` where that would be beyond the end of time. A negative delay
/// counts as none.
constexpr TimePoint after(TimePoint start, Duration delay) noexcept {
  if (delay < Duration::zero()) return start;
  return start > never - delay ? never : start + delay;
}

}  // namespace rondo
