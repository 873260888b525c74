// SPDX-License-Identifier: MIT
// Names with many addresses, most of which are silent, in the simulated network.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "sim/conversation.h"

namespace rondo::sim {
namespace {

using namespace std::chrono_literals;

class HappyEyeballs : public Conversation {
 protected:
  /// A name whose addresses belong to no host, but for the last one.
  HappyEyeballs() {
    world.name("many.test",
               {"10.9.0.1", "10.9.0.2", "10.9.0.3", "10.9.0.4", "10.9.0.5", "10.9.0.6", "10.9.0.7",
                "10.9.0.8", "10.9.0.9", "10.9.0.10", "10.9.0.11", "10.9.0.12", "10.0.0.1"});
  }

  Result<Server> echo = serve_echo();
  Listener listener;
};

TEST_F(HappyEyeballs, ConnectsToTheLastOfManyAddresses) {
  const auto stream = talk(listener, "many.test:7000");
  EXPECT_TRUE(world.run_until([&] { return listener.opened; }, 1min)) << world.report();
  EXPECT_GE(world.elapsed(), 12 * 250ms);
  EXPECT_LE(world.elapsed(), 12 * 250ms + 100ms);
}

TEST_F(HappyEyeballs, HasLimitsThatTheProgramSets) {
  const auto few = talk(listener, "many.test:7000", {.addresses_max = 12});
  EXPECT_FALSE(world.run_until([&] { return listener.opened; }, 29s));
  EXPECT_TRUE(world.run_until([&] { return listener.closes == 1; }, 2s));
  EXPECT_EQ(listener.reason, CloseReason::not_connected);
  Listener other;
  const auto slow = talk(other, "many.test:7000", {.in_flight_max = 4});
  EXPECT_TRUE(world.run_until([&] { return other.closes == 1; }, 31s)) << world.report();
  EXPECT_FALSE(other.opened);
}

TEST_F(HappyEyeballs, FollowsTheStaggerOfTheProgram) {
  const auto stream =
      talk(listener, "many.test:7000", {.timeout = 5min, .stagger = std::chrono::seconds{10}});
  EXPECT_TRUE(world.run_until([&] { return listener.opened; }, 3min)) << world.report();
  EXPECT_GE(world.elapsed(), 120s);
  EXPECT_LE(world.elapsed(), 121s);
}

// No setting of a client that reconnects makes it spin.
TEST_F(HappyEyeballs, TriesADozenTimesASecondAtMost) {
  ReconnectOptions options;
  options.connect.timeout = Duration::zero();
  options.connect.stagger = options.connect.resolution_delay = -1s;
  options.backoff = {.min = -1s, .max = Duration::zero(), .factor = 0, .seed = 1};
  options.stable_after = -1s;
  Reconnector reconnector{client, "10.9.0.1:7000", listener, options};
  world.run_for(1s);
  EXPECT_LE(listener.closes, 101);
  EXPECT_GE(listener.closes, 10);
  reconnector.stop();
}

}  // namespace
}  // namespace rondo::sim
