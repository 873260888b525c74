// SPDX-License-Identifier: MIT
// Random numbers that are the same on every machine: xoshiro256** (Blackman, Vigna), seeded by
// splitmix64. As long as there are bytes of WorldOptions::choices, they are used instead.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace rondo::sim {

class Random {
 public:
  /// `choices` must outlive this object.
  explicit Random(std::uint64_t seed, std::span<const std::byte> choices = {}) noexcept
      : choices_(choices) {
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15U;
      std::uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
      mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
      word = mixed ^ (mixed >> 31U);
    }
  }

  std::uint64_t next() noexcept {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  /// A number below `bound`, which is not 0. The bias is below bound / 2^64.
  std::uint64_t below(std::uint64_t bound) noexcept {
    if (choices_.empty()) return next() % bound;
    std::uint64_t chosen = choose();
    for (std::uint64_t rest = (bound - 1) >> 8U; rest != 0; rest >>= 8U) {
      chosen = chosen << 8U | choose();
    }
    return chosen % bound;
  }

  /// Draws no number for 0, so that a fault that is switched off changes no other choice.
  bool chance(double probability) noexcept {
    constexpr double unit = 0x1p-53;
    if (probability > 0 && !choices_.empty()) {
      return static_cast<double>(choose()) < probability * 256;
    }
    return probability > 0 && static_cast<double>(next() >> 11U) * unit < probability;
  }

 private:
  std::uint64_t choose() noexcept {
    if (choices_.empty()) return 0;
    const auto first = std::to_integer<std::uint64_t>(choices_.front());
    choices_ = choices_.subspan(1);
    return first;
  }

  std::span<const std::byte> choices_;
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace rondo::sim
