// SPDX-License-Identifier: MIT
// Runs one seed from start to end, and checks that it leaves nothing behind.
#pragma once

#include <cstdint>
#include <string>

#include "scene.h"

namespace rondo::sim::scenario {

struct Outcome {
  std::uint64_t hash = 0;
  std::string report{};  ///< the failed checks and how to replay them; empty if all checks passed
};

/// If the program aborts meanwhile, it prints the seed.
[[nodiscard]] Outcome run_seed(std::uint64_t seed, Allocations allocations = Allocations::may_fail);

}  // namespace rondo::sim::scenario
