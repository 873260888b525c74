// SPDX-License-Identifier: MIT
// A small random generator that is the same on each system. The standard's distributions are not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace rondo::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  /// splitmix64.
  std::uint64_t next() noexcept {
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ mixed >> 30U) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ mixed >> 27U) * 0x94d049bb133111ebU;
    return mixed ^ mixed >> 31U;
  }
  /// `bound` is at least 1.
  std::uint32_t below(std::size_t bound) noexcept {
    return static_cast<std::uint32_t>(next() % bound);
  }
  bool chance(unsigned percent) noexcept { return below(100) < percent; }
  template <typename T>
  T one_of(std::initializer_list<T> choices) noexcept {
    return choices.begin()[below(choices.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace rondo::test
