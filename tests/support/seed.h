// SPDX-License-Identifier: MIT
// The seed of everything random in the tests.
#pragma once

#include <cstdint>

namespace rondo::test {

/// RONDO_SEED, or a seed that this process has drawn: the same for all its tests. It is printed by
/// each call, as `RONDO_SEED=...`, so that the output of each test that depends on it has it.
std::uint64_t chosen_seed();

}  // namespace rondo::test
