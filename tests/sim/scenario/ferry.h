// SPDX-License-Identifier: MIT
// What the ferry and its passengers have in common.
#pragma once

#include <cstdint>

namespace rondo::sim::scenario {

/// The letters of all conversations.
constexpr std::uint64_t ferry_key = 5;

}  // namespace rondo::sim::scenario
