// SPDX-License-Identifier: MIT
// What a source pours out, and what its client answers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rondo::sim::scenario {

inline constexpr std::size_t flood_max = 400'000;
inline constexpr std::size_t piece_max = 20'000;
inline constexpr std::uint64_t flood_key = 3;
inline constexpr std::uint64_t answer_key = 11;

}  // namespace rondo::sim::scenario
