// SPDX-License-Identifier: MIT
// The simulated network behaves like this system's: generated scripts are played on both, and the
// visible state after each step is compared. docs/parity.md lists what may differ.
//
// RONDO_PARITY_SCRIPTS is the number of scripts, RONDO_PARITY_SEED the first seed; each script has
// a seed of its own. RONDO_PARITY_SURVEY=1 continues after a difference, with little patience, to
// find many at once.
#include <gtest/gtest.h>

#include <bitset>

#include "parity/parity_fixture.h"
#include "parity/port_player.h"
#include "parity/port_scripts.h"

namespace rondo::test {
namespace {

std::unique_ptr<Player> make_player(Kernel& kernel) { return std::make_unique<PortPlayer>(kernel); }

Script draw(std::uint64_t seed) { return PortScripts{seed, has_ipv6_loopback()}.draw(); }

class PortParity : public ParityFixture {};

TEST_P(PortParity, OfScripts) { check_slice(draw, make_player); }

INSTANTIATE_TEST_SUITE_P(Backends, PortParity, testing::ValuesIn(parity_slices()), name_of_slice);

TEST(PortScriptsTest, HaveStepsOfEveryKind) {
  std::bitset<port_kind_count> seen;
  for (std::uint64_t seed = first_parity_seed(); seed < first_parity_seed() + 200; ++seed) {
    for (const Step& step : draw(seed)) seen.set(static_cast<std::size_t>(step.kind));
  }
  for (std::size_t i = 0; i < port_kind_count; ++i) {
    EXPECT_TRUE(seen.test(i)) << name_of(static_cast<Kind>(i));
  }
}

TEST(PortScriptsTest, AreThoseOfEveryCompiler) {
  const auto on_any_system = [](std::uint64_t seed) { return PortScripts{seed, true}.draw(); };
  EXPECT_EQ(hash_of_scripts(on_any_system), 10646721598989838876U);
}

TEST(EndpointNamesTest, AreAmbiguousWhereAPortIsChosenTwice) {
  EndpointNames names{""};
  names.chosen(Endpoint::loopback(7));
  names.chosen(Endpoint::loopback(7, AddressFamily::ipv6));
  names.chosen(Endpoint::loopback(0));
  names.chosen(Endpoint::loopback(0));
  EXPECT_FALSE(names.is_ambiguous());
  names.chosen(Endpoint::loopback(7));
  EXPECT_TRUE(names.is_ambiguous());
}

}  // namespace
}  // namespace rondo::test
