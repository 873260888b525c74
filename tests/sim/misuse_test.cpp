// SPDX-License-Identifier: MIT
// A misuse of the simulation ends the test in each build, with a message that says why.
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <memory>

#include <rondo/rondo.h>
#include <rondo/sim.h>

namespace rondo::sim {
namespace {

using namespace std::chrono_literals;

class MisuseDeathTest : public testing::Test {
 protected:
  World world{1};
  Host& host = world.host("server");
};

TEST_F(MisuseDeathTest, AHostThatIsNotThereIsNamedBesideThoseThatAre) {
  world.host("client");
  EXPECT_DEATH(world.partition("sever", "client"),
               "rondo::sim: there is no host \"sever\" yet, but: server client");
  EXPECT_DEATH(world.heal("client", "10.0.0.9"), "there is no host \"10.0.0.9\" yet");
  EXPECT_DEATH(World{1}.cut("one", "other"), "no host \"[a-z]+\" yet, but: none");
}

TEST_F(MisuseDeathTest, WhatIsNoNameOfAHost) {
  for (const char* const name : {"", "10.0.0.1:7000", "a..b", ".a", "999.1.1.1", "two words"}) {
    EXPECT_DEATH(world.host(name), "host: neither an address nor a name: ") << name;
  }
  EXPECT_DEATH(world.name("a..b", {"10.0.0.1"}), "name: not a name: \"a..b\"");
  EXPECT_DEATH(world.name("a.example", {"10.0.0"}), "name: not an address: \"10.0.0\"");
}

TEST_F(MisuseDeathTest, AnAddressThatIsNotOfOneHost) {
  for (const char* const address :
       {"127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1"}) {
    EXPECT_DEATH(world.host(address), "host: not an address of one host: ") << address;
  }
}

TEST_F(MisuseDeathTest, ALinkThatCannotBe) {
  world.host("client");
  const auto link = [this](const Link& one) { world.link("server", "client", one); };
  EXPECT_DEATH(link({.latency = -1s}), "link: the latency is below zero");
  EXPECT_DEATH(link({.latency = Duration::max()}), "link: the latency is below zero, or more");
  EXPECT_DEATH(link({.jitter = -1ns}), "link: the jitter");
  EXPECT_DEATH(link({.loss = 1.5}), "link: the loss is a probability");
  EXPECT_DEATH(link({.duplication = -0.5}), "link: the duplication");
  EXPECT_DEATH(link({.reordering = std::numeric_limits<double>::quiet_NaN()}),
               "link: the reordering");
  EXPECT_DEATH((World{1, {.link = {.loss = 2}}}), "link: the loss");
  EXPECT_DEATH((World{1, {.turns_per_instant_max = 0}}), "turns_per_instant_max");
}

TEST_F(MisuseDeathTest, TimesAndNumbersThatCannotBe) {
  EXPECT_DEATH(world.name_latency(-1s), "name_latency: the latency is below zero");
  EXPECT_DEATH(host.jump_clock(-1s), "jump_clock: the duration is below zero, or more");
  EXPECT_DEATH(host.jump_clock(Duration::max()), "jump_clock: the duration is below zero, or more");
  EXPECT_DEATH(world.partition("server", "server", -1s), "partition: the duration is below zero");
  EXPECT_DEATH(world.run_for(Duration{static_cast<Duration::rep>(world.draw(0))}),
               "draw: the bound is 0");
  EXPECT_DEATH(EXPECT_TRUE(world.run_until({}, 1s)), "run_until: the condition is empty");
  for (const double no_probability : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_DEATH(world.faults().set(Fault::refused, no_probability), "a probability is from 0");
  }
}

TEST_F(MisuseDeathTest, AWorldThatEndsBeforeAReactor) {
  EXPECT_DEATH(
      {
        auto early = std::make_unique<World>(1);
        const Reactor reactor{early->host("late").backend()};
        early.reset();
      },
      "the world ends before a reactor on late");
}

TEST(TestSeedsDeathTest, AreNumbersAndNotNone) {
  const auto with = [](const char* variable, const char* value) {
    ::setenv(variable, value, 1);
    EXPECT_EQ(test_seeds(10).size(), 0U);
  };
  EXPECT_DEATH(with("RONDO_SIM_SEED", "foo"), "RONDO_SIM_SEED is not a number: \"foo\"");
  EXPECT_DEATH(with("RONDO_SIM_SEED", ""), "RONDO_SIM_SEED is not a number");
  EXPECT_DEATH(with("RONDO_SIM_SEED", "12x"), "RONDO_SIM_SEED is not a number");
  EXPECT_DEATH(with("RONDO_SIM_SEEDS", "-3"), "RONDO_SIM_SEEDS is not a number");
  EXPECT_DEATH(with("RONDO_SIM_SEEDS", "0"), "RONDO_SIM_SEEDS is 0: nothing would be tested");
}

TEST(Trace, ReportsAPathThatCannotBeWritten) {
  ::setenv("RONDO_SIM_TRACE", "/nowhere/at/all", 1);
  testing::internal::CaptureStderr();
  {
    const World world{1};
  }
  ::unsetenv("RONDO_SIM_TRACE");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "rondo::sim: cannot write the trace to RONDO_SIM_TRACE=/nowhere/at/all: No such file "
            "or directory\n");
}

}  // namespace
}  // namespace rondo::sim
