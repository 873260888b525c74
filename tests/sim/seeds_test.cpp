// SPDX-License-Identifier: MIT
// Thousands of scenes, each generated from its seed: see scenario/scene.h.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "scenario/scene.h"
#include "scenario/seeds.h"

namespace rondo::sim::scenario {
namespace {

// One case for each part that may run in parallel. RONDO_SIM_SEEDS is the number of seeds in all of
// them, RONDO_SIM_SEED the first.
constexpr std::uint64_t slices = 20;
constexpr std::uint64_t seeds_default = 200;

class Seeds : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Slice, Seeds, testing::Range<std::uint64_t>(0, slices));

TEST_P(Seeds, EndInGoodOrder) {
  const TestSeeds all = test_seeds(seeds_default);
  const std::uint64_t first = *all.begin();
  for (std::uint64_t seed = first + GetParam(); seed < first + all.size(); seed += slices) {
    const Outcome outcome = run_seed(seed);
    ASSERT_TRUE(outcome.report.empty()) << outcome.report;
  }
}

// Every 40th seed runs once more: 500 of 20,000.
TEST_P(Seeds, HaveOneHashEach) {
  const TestSeeds all = test_seeds(seeds_default);
  const std::uint64_t first = *all.begin();
  for (std::uint64_t i = GetParam(); i < all.size(); i += 2 * slices) {
    ASSERT_EQ(run_seed(first + i).hash, run_seed(first + i).hash) << "seed " << first + i;
  }
}

}  // namespace
}  // namespace rondo::sim::scenario
