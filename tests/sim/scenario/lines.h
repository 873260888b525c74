// SPDX-License-Identifier: MIT
// What the actors that speak in lines have in common.
#pragma once

#include <cstdint>
#include <string>

#include "scene.h"

namespace rondo::sim::scenario {

inline std::string line_number(std::uint64_t n) {
  return "line " + std::to_string(n) + ' ' + text_from(n, 0, n * 37 % 200);
}

}  // namespace rondo::sim::scenario
