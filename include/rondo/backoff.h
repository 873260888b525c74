// SPDX-License-Identifier: MIT
// rondo: the pauses between attempts that fail.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <rondo/export.h>
#include <rondo/time.h>

namespace rondo {

/// `Backoff backoff{{.min = 1s, .max = 60s}}`
struct BackoffOptions {
  Duration min = std::chrono::milliseconds{100};  ///< below Backoff::pause_floor, that counts
  Duration max = std::chrono::seconds{30};        ///< below `min`, that counts
  double factor = 3;  ///< a pause is at most so many times as long as the last; at least 1
  std::optional<std::uint64_t> seed{};  ///< one seed always gives the same pauses; empty: random
};

/// Exponential back-off with decorrelated jitter: each pause is random between `min` and `factor`
/// times the pause before (at first `min` times `factor`), but at most `max`. So clients that lost
/// their connections together do not come back together. It has no clock and no timer; any thread
/// may use it, one at a time; a copy continues with the same pauses. Source: M. Brooker,
/// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
class RONDO_EXPORT Backoff {
 public:
  /// No pause is shorter: from zero the pauses would never grow.
  static constexpr Duration pause_floor = std::chrono::milliseconds{10};

  /// Values out of range are replaced by the nearest one that is allowed; see BackoffOptions.
  explicit Backoff(const BackoffOptions& options = {});
  /// `seed` replaces that of the options.
  Backoff(const BackoffOptions& options, std::uint64_t seed) noexcept;

  /// The next pause.
  [[nodiscard]] Duration next() noexcept;
  /// After a success: the pauses start small again.
  void reset() noexcept { last_ = min_; }

 private:
  [[nodiscard]] double draw() noexcept;

  Duration min_;
  Duration max_;
  double factor_;
  Duration last_;
  std::uint64_t state_;
};

}  // namespace rondo
