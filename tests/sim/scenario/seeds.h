// One seed from its beginning to its end, with what it must leave behind: nothing.
#pragma once

#include <cstdint>
#include <string>

#include "scene.h"

namespace rondo::sim::scenario {

struct Outcome {
  std::uint64_t hash = 0;
  std::string report{};  ///< of what did not hold, and how to have it again; empty: all held
};

/// If the program aborts meanwhile, it says which seed it was.
[[nodiscard]] Outcome run_seed(std::uint64_t seed, Allocations allocations = Allocations::may_fail);

}  // namespace rondo::sim::scenario
