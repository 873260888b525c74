// What makes no sense ends the program, in every build: this is test code, and a test that went on
// would test nothing, and pass.
#pragma once

#include <string_view>

#include <rondo/time.h>

namespace rondo::sim {

/// Prints `rondo::sim: what` to standard error and aborts.
[[noreturn]] void misuse(std::string_view what) noexcept;
/// Prints the same, and goes on.
void warn(std::string_view what) noexcept;

inline void demand(bool holds, std::string_view what) noexcept {
  if (!holds) [[unlikely]]
    misuse(what);
}

/// None of latencies, jumps of a clock and the like is longer: a hundred times that is still a
/// time.
constexpr Duration duration_max = std::chrono::hours{24 * 366};
[[nodiscard]] constexpr bool is_some_time(Duration duration) noexcept {
  return duration >= Duration::zero() && duration <= duration_max;
}
/// Also false for what is no number.
[[nodiscard]] constexpr bool is_probability(double number) noexcept {
  return number >= 0 && number <= 1;
}

}  // namespace rondo::sim
