// SPDX-License-Identifier: MIT
// Invalid arguments end the program, in every build: a test that continued would test nothing and
// pass.
#pragma once

#include <string_view>

#include <rondo/time.h>

namespace rondo::sim {

/// Prints `rondo::sim: what` to standard error and aborts.
[[noreturn]] void misuse(std::string_view what) noexcept;
/// Prints the same, and returns.
void warn(std::string_view what) noexcept;

inline void demand(bool holds, std::string_view what) noexcept {
  if (!holds) [[unlikely]]
    misuse(what);
}

/// The limit for latencies, jumps of a clock and the like. A hundred times as much is still within
/// the range of a TimePoint.
constexpr Duration duration_max = std::chrono::hours{24 * 366};
[[nodiscard]] constexpr bool is_some_time(Duration duration) noexcept {
  return duration >= Duration::zero() && duration <= duration_max;
}
/// False also for NaN.
[[nodiscard]] constexpr bool is_probability(double number) noexcept {
  return number >= 0 && number <= 1;
}

}  // namespace rondo::sim
