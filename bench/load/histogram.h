// SPDX-License-Identifier: MIT
// load: counts of durations, exact to 1/64, in a fixed table.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace load {

/// Each power of two is cut into 64 equal buckets, so a quantile is at most 1.6 % above the truth.
class Histogram {
 public:
  void record(std::uint64_t value) noexcept {
    ++counts_[bucket_of(value)];
    ++total_;
  }
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }

  /// The upper end of the bucket below which `part` (0 to 1) of the values lie; 0 without values.
  [[nodiscard]] std::uint64_t quantile(double part) const noexcept {
    if (total_ == 0) return 0;
    const auto wanted =
        std::min(static_cast<std::uint64_t>(part * static_cast<double>(total_)), total_ - 1);
    std::uint64_t seen = 0;
    std::size_t bucket = 0;
    for (; bucket + 1 < buckets; ++bucket) {
      seen += counts_[bucket];
      if (seen > wanted) break;
    }
    return upper_end_of(bucket);
  }

 private:
  static constexpr unsigned fine_bits = 6;
  static constexpr unsigned value_bits_max = 42;  // more than an hour of nanoseconds
  static constexpr std::size_t per_power = std::size_t{1} << fine_bits;
  static constexpr std::size_t buckets = (value_bits_max - fine_bits + 1) * per_power;

  static std::size_t bucket_of(std::uint64_t value) noexcept {
    constexpr std::uint64_t value_max = (std::uint64_t{1} << value_bits_max) - 1;
    if (value > value_max) value = value_max;
    if (value < per_power) return static_cast<std::size_t>(value);
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - fine_bits;
    return shift * per_power + static_cast<std::size_t>(value >> shift);
  }
  static std::uint64_t upper_end_of(std::size_t bucket) noexcept {
    if (bucket < 2 * per_power) return bucket;
    const std::size_t shift = bucket / per_power - 1;
    return ((std::uint64_t{bucket - shift * per_power} + 1) << shift) - 1;
  }

  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace load
