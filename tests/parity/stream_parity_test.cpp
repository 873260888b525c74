// SPDX-License-Identifier: MIT
// The same programs receive the same callbacks on the simulated network and on this system's.
#include <gtest/gtest.h>

#include <bitset>
#include <map>
#include <memory>
#include <string>

#include "parity/parity_fixture.h"
#include "parity/stream_player.h"
#include "parity/stream_scripts.h"

namespace rondo::test {
namespace {

std::unique_ptr<Player> make_player(Kernel& kernel) {
  return std::make_unique<StreamPlayer>(kernel);
}

Script draw(std::uint64_t seed) { return StreamScripts{seed}.draw(); }

class StreamParity : public ParityFixture {};

TEST_P(StreamParity, OfScripts) { check_slice(draw, make_player); }

INSTANTIATE_TEST_SUITE_P(Backends, StreamParity, testing::ValuesIn(parity_slices()), name_of_slice);

TEST(StreamScriptsTest, HaveStepsOfEveryKind) {
  std::bitset<kind_count> seen;
  for (std::uint64_t seed = first_parity_seed(); seed < first_parity_seed() + 200; ++seed) {
    for (const Step& step : draw(seed)) seen.set(static_cast<std::size_t>(step.kind));
  }
  for (std::size_t i = port_kind_count; i < kind_count; ++i) {
    EXPECT_TRUE(seen.test(i)) << name_of(static_cast<Kind>(i));
  }
}

TEST(StreamScriptsTest, AreThoseOfEveryCompiler) {
  EXPECT_EQ(hash_of_scripts(draw), 8651419656501581723U);
}

/// In the simulation, and so on the real system as well.
TEST(StreamScriptsTest, HaveDeadlinesOfEveryKindThatPass) {
  std::map<std::string, int> passed{{"idle timeout", 0},
                                    {"read timeout", 0},
                                    {"write timeout", 0},
                                    {"lifetime", 0},
                                    {"close timeout", 0}};
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    std::string before;
    for (const std::string& seen : expect(draw(seed), make_player)) {
      for (auto& [kind, count] : passed) {
        const bool is_new = before.find(kind) == before.npos;
        if (is_new && seen.find(kind) != seen.npos) ++count;
      }
      before = seen;
    }
  }
  for (const auto& [kind, count] : passed) EXPECT_GT(count, 0) << kind;
}

}  // namespace
}  // namespace rondo::test
