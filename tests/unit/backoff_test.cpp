// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include <rondo/backoff.h>

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

std::vector<Duration> pauses(Backoff backoff, int count) {
  std::vector<Duration> drawn;
  for (int i = 0; i < count; ++i) drawn.push_back(backoff.next());
  return drawn;
}

TEST(Backoff, StaysWithinItsBoundsAndTheGrowthOfEachStep) {
  const BackoffOptions options{.min = 100ms, .max = 5s, .factor = 2.5};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Duration last = options.min;
    for (const Duration pause : pauses(Backoff{options, seed}, 50)) {
      EXPECT_GE(pause, 100ms);
      EXPECT_LE(pause, 5s);
      EXPECT_LE(static_cast<double>(pause.count()), static_cast<double>(last.count()) * 2.5 + 1);
      last = pause;
    }
  }
}

TEST(Backoff, GrowsWithTheTries) {
  Duration first{};
  Duration tenth{};
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const auto drawn = pauses(Backoff{{.min = 10ms, .max = 10s}, seed}, 10);
    first += drawn.front();
    tenth += drawn.back();
  }
  EXPECT_NEAR(static_cast<double>(first.count()) / 1e9, 20.0, 1.0);  // evenly from 10 to 30 ms
  EXPECT_GT(tenth, first * 10);
}

TEST(Backoff, GivesTheSamePausesForASeedAndOthersForAnother) {
  EXPECT_EQ(pauses(Backoff{{}, 7}, 20), pauses(Backoff{{}, 7}, 20));
  EXPECT_NE(pauses(Backoff{{}, 7}, 20), pauses(Backoff{{}, 8}, 20));
  EXPECT_NE(pauses(Backoff{}, 20), pauses(Backoff{}, 20));
}

TEST(Backoff, TakesItsSeedFromTheOptions) {
  const auto drawn = pauses(Backoff{{.seed = 7}}, 20);
  EXPECT_EQ(drawn, pauses(Backoff{{.seed = 7}}, 20));
  EXPECT_EQ(drawn, pauses(Backoff{{}, 7}, 20));
  EXPECT_EQ(drawn, pauses(Backoff{{.seed = 8}, 7}, 20));
  EXPECT_NE(drawn, pauses(Backoff{{.seed = 8}}, 20));
}

TEST(Backoff, BeginsAnewAfterASuccess) {
  const BackoffOptions options{.min = 10ms, .max = 100s, .factor = 3};
  Backoff backoff{options, 1};
  for (int i = 0; i < 30; ++i) EXPECT_GE(backoff.next(), 10ms);
  backoff.reset();
  EXPECT_LE(backoff.next(), 30ms);
}

// From a minimum of zero the pauses once stayed at zero: a client tried 6,909 times a second.
TEST(Backoff, GrowsFromAMinimumOfZeroToo) {
  const auto drawn = pauses(Backoff{{.min = 0s}, 1}, 30);
  for (const Duration pause : drawn) EXPECT_GE(pause, Backoff::pause_floor);
  EXPECT_GE(*std::max_element(drawn.begin(), drawn.end()), 1s);
}

TEST(Backoff, CorrectsOptionsThatMakeNoSense) {
  Backoff none{{.min = -5s, .max = -7s, .factor = -1}, 1};
  EXPECT_EQ(none.next(), Backoff::pause_floor);
  Backoff turned{{.min = 5s, .max = 1s, .factor = 0.1}, 1};
  EXPECT_EQ(turned.next(), 5s);
  Backoff endless{{.min = 1s, .max = Duration::max(), .factor = 1e300}, 1};
  for (int i = 0; i < 50; ++i) EXPECT_GE(endless.next(), 1s);
}

}  // namespace
}  // namespace rondo::test
