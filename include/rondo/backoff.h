// rondo: how long to wait before the next try.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <rondo/export.h>
#include <rondo/time.h>

namespace rondo {

struct BackoffOptions {
  Duration min = std::chrono::milliseconds{100};  ///< no pause is shorter
  Duration max = std::chrono::seconds{30};        ///< none is longer
  double factor = 3;  ///< how much longer than the last a pause may be; less than 1 counts as 1
  std::optional<std::uint64_t> seed{};  ///< the same one gives the same pauses; empty: by chance
};

/// Exponential back-off with decorrelated jitter: a pause is drawn evenly from `min` to `factor`
/// times the pause before (to `min` times `factor` at first), and is `max` at most. So clients that
/// were thrown out together do not come back together. Only numbers: no clock, no timer, any thread
/// by itself; a copy goes on with the same pauses. Source: M. Brooker, "Exponential Backoff And
/// Jitter", AWS Architecture Blog, 2015.
class RONDO_EXPORT Backoff {
 public:
  explicit Backoff(const BackoffOptions& options = {});
  /// `seed` goes before that of the options.
  Backoff(const BackoffOptions& options, std::uint64_t seed) noexcept;

  /// The next pause.
  [[nodiscard]] Duration next() noexcept;
  /// After a success: the next pause is one of the first again.
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
