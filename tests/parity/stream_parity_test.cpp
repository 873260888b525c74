// The same programs on the simulated network and on this system's are called with the same.
#include <gtest/gtest.h>

#include <bitset>
#include <memory>

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

}  // namespace
}  // namespace rondo::test
