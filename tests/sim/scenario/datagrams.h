// SPDX-License-Identifier: MIT
// What the actors that send datagrams have in common.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "actor.h"

namespace rondo::sim::scenario {

/// A client waits so long for the answer to its last datagram.
constexpr Duration datagram_patience = std::chrono::seconds{5};

inline std::string numbered(std::uint64_t n) {
  return std::to_string(n) + ':' + text_from(n, 0, n * n % 1'000);
}
inline std::uint64_t number_of(std::string_view text) {
  return std::strtoull(std::string{text.substr(0, 20)}.c_str(), nullptr, 10);
}

}  // namespace rondo::sim::scenario
