// SPDX-License-Identifier: MIT
// Backoff: a pause is a product and a random number.
//
// The generator is SplitMix64 (Steele, Lea and Flood, 2014): it has 64 bits of state, and every
// seed is good. Pauses are computed as doubles, which hold nanoseconds exactly for three months.
// Longer pauses are rounded, then clamped to the bounds.
#include <rondo/backoff.h>

#include <algorithm>
#include <random>

namespace rondo {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32U | device();
}

}  // namespace

Backoff::Backoff(const BackoffOptions& options)
    : Backoff(options, options.seed ? *options.seed : random_seed()) {}

Backoff::Backoff(const BackoffOptions& options, std::uint64_t seed) noexcept
    : min_(std::max(options.min, pause_floor)),
      max_(std::max(options.max, min_)),
      factor_(options.factor > 1 ? options.factor : 1),
      last_(min_),
      state_(seed) {}

Duration Backoff::next() noexcept {
  const auto low = static_cast<double>(min_.count());
  const auto high = std::min(static_cast<double>(last_.count()) * factor_,  //
                             static_cast<double>(max_.count()));
  const double drawn = low + (std::max(high, low) - low) * draw();
  // As doubles first, because not every double fits into a Duration.
  last_ = drawn >= static_cast<double>(max_.count())
              ? max_
              : std::clamp(Duration{static_cast<Duration::rep>(drawn)}, min_, max_);
  return last_;
}

/// From 0 up to, but not including, 1.
double Backoff::draw() noexcept {
  state_ += 0x9e3779b97f4a7c15U;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
  mixed ^= mixed >> 31U;
  return static_cast<double>(mixed >> 11U) * 0x1.0p-53;
}

}  // namespace rondo
