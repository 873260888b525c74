// SPDX-License-Identifier: MIT
// rondo: points in time and durations. One clock, monotonic, counted in nanoseconds.
#pragma once

#include <chrono>

#include <rondo/export.h>  // for its message to C++17

namespace rondo {

/// The clock of points in time: monotonic, and not changed with the system's time.
using Clock = std::chrono::steady_clock;
/// A span of time, in nanoseconds: the durations of std::chrono convert to it.
using Duration = std::chrono::nanoseconds;
/// A point in time on the Clock; `never` stands for none.
using TimePoint = std::chrono::time_point<Clock, Duration>;

/// Stands for "no deadline".
constexpr TimePoint never = TimePoint::max();
/// A timeout that never passes.
constexpr Duration forever = Duration::max();

/// `start` + `delay`, or `never` if the sum would overflow. A negative delay counts as zero.
constexpr TimePoint after(TimePoint start, Duration delay) noexcept {
  if (delay < Duration::zero()) return start;
  return start > never - delay ? never : start + delay;
}

}  // namespace rondo
