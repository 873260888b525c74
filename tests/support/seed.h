// The seed of everything in the tests that is left to chance.
#pragma once

#include <cstdint>

namespace rondo::test {

/// RONDO_SEED, or one that this process drew: the same for every test in it. Printed at each call,
/// as `RONDO_SEED=...`, so that it stands in the output of each test that depends on it.
std::uint64_t chosen_seed();

}  // namespace rondo::test
