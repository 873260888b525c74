// SPDX-License-Identifier: MIT
// Time, order and replay.
#include <chrono>
#include <set>
#include <vector>

#include "conversation.h"

namespace rondo::sim {
namespace {

using namespace std::chrono_literals;

class WorldTest : public Conversation {};

TEST_F(WorldTest, CarriesAConversation) {
  auto echo = serve_echo();
  ASSERT_TRUE(echo) << echo.error().message();
  Listener listener{5};
  const auto stream = talk(listener);
  stream->write("hello");
  world.run_for(1s);
  EXPECT_EQ(listener.heard, "hello");
  EXPECT_EQ(listener.closes, 1);
  EXPECT_EQ(listener.reason, CloseReason::eof);
  EXPECT_EQ(echo->connections(), 0u);
  EXPECT_EQ(server_host.connections(), 0u);
  EXPECT_EQ(client_host.connections(), 0u);
}

TEST_F(WorldTest, TakesTheTimeOfTheLink) {
  world.link("10.0.0.1", "10.0.0.2", {.latency = 100ms});
  auto echo = serve_echo();
  Listener listener;
  const TimePoint start = world.now();
  const auto stream = talk(listener);
  EXPECT_TRUE(world.run_until([&] { return listener.opened; }, 1h));
  EXPECT_EQ(world.now() - start, 200ms) << "one way for the SYN, one for the SYN-ACK";
  stream->write("hello");
  EXPECT_TRUE(world.run_until([&] { return !listener.heard.empty(); }, 1h));
  EXPECT_EQ(world.now() - start, 400ms);
}

TEST_F(WorldTest, TakesTheTimeOfItsBandwidth) {
  world.link("10.0.0.1", "10.0.0.2", {.latency = 0ms, .bandwidth = 1'000'000});
  auto echo = serve_echo();
  Listener listener;
  const auto stream = talk(listener);
  const TimePoint start = world.now();
  stream->write(std::string(2'000'000, 'x'));
  EXPECT_TRUE(world.run_until([&] { return listener.heard.size() == 2'000'000; }, 1h));
  EXPECT_GE(world.now() - start, 2s);
  EXPECT_LE(world.now() - start, 2500ms);
}

TEST_F(WorldTest, LetsAnHourOfSilencePassAtOnce) {
  auto echo = serve_echo({.stream = {.idle_timeout = 1h}});
  Listener listener;
  const auto stream = talk(listener);
  stream->write("hello");
  world.run_for(59min);
  EXPECT_EQ(listener.closes, 0);
  world.run_for(2min);
  EXPECT_EQ(listener.closes, 1);
}

TEST_F(WorldTest, FiresTimersToTheNanosecond) {
  TimePoint fired{};
  Timer timer{client, [&] { fired = world.now(); }};
  const TimePoint due = world.now() + 1234567ns;
  timer.arm_at(due);
  EXPECT_TRUE(world.run());
  EXPECT_EQ(fired, due);
  EXPECT_EQ(world.now(), due) << "run() ends when nothing can happen any more";
}

std::uint64_t hash_of_a_run(std::uint64_t seed, int clients) {
  World world{seed, {.link = {.latency = 1ms, .jitter = 5ms}}};
  Reactor server{world.host("10.0.0.1").backend()};
  Reactor client{world.host("10.0.0.2").backend()};
  world.faults().swarm();
  auto echo = serve<Echo>(server, "10.0.0.1:7000");
  std::vector<Listener> listeners(static_cast<std::size_t>(clients));
  std::vector<std::unique_ptr<Stream>> streams;
  for (Listener& listener : listeners) {
    streams.push_back(connect(client, "10.0.0.1:7000", listener));
    streams.back()->write("hello");
  }
  world.run_for(10s);
  return world.trace_hash();
}

TEST(World, IsTheSameForTheSameSeedAndAnotherForAnother) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::uint64_t hash = hash_of_a_run(seed, 10);
    EXPECT_EQ(hash, hash_of_a_run(seed, 10)) << "seed " << seed;
    hashes.insert(hash);
  }
  EXPECT_EQ(hashes.size(), 20u);
}

// The number depends on this code, but not on the machine or the compiler.
TEST(World, DrawsTheSameNumbersEverywhere) {
  World world{42};
  const std::uint64_t bound = 1'000'000;
  EXPECT_EQ(world.draw(bound), 1546998764402558742U % bound) << "xoshiro256**, splitmix64";
}

TEST(World, TakesItsRandomNumbersFromTheOptions) {
  constexpr std::byte bytes[] = {std::byte{7}, std::byte{1}, std::byte{2}, std::byte{0xff}};
  World world{42, {.choices = bytes}};
  World plain{42};
  EXPECT_EQ(world.draw(10), 7u);
  EXPECT_EQ(world.draw(1000), 0x102u) << "two bytes for a bound that one byte cannot hold";
  EXPECT_EQ(world.draw(100'000), 0xff0000u % 100'000) << "zero bytes after the end of the input";
  EXPECT_EQ(world.draw(1000), plain.draw(1000)) << "then the generator of the seed";
}

TEST_F(WorldTest, ReportsItsTraceInLines) {
  std::string lines;
  world.on_trace([&](std::string_view line) { lines += std::string{line} + '\n'; });
  auto echo = serve_echo();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  EXPECT_NE(lines.find("3600.000000000  10.0.0.2  tcp connects  10.0.0.2:"), std::string::npos)
      << lines;
  EXPECT_NE(lines.find("3600.001000000  10.0.0.1  tcp got SYN "), std::string::npos) << lines;
  EXPECT_EQ(world.summary().substr(0, 14), "seed 1, trace ");
}

TEST_F(WorldTest, ListsWhatWaitsForEver) {
  auto echo = serve_echo();
  EXPECT_TRUE(world.run()) << "a listener alone is no deadlock";
  Listener listener;
  const auto stream = talk(listener);
  EXPECT_EQ(world.run().error().message(), "run the simulated network: Resource deadlock avoided");
  const std::string waiting = world.waiting();
  EXPECT_NE(waiting.find("10.0.0.2 waits to read, descriptor 3, tcp 10.0.0.2:"), std::string::npos)
      << waiting;
  EXPECT_NE(waiting.find("10.0.0.1 waits to read, descriptor"), std::string::npos) << waiting;
}

TEST_F(WorldTest, ListsWorkThatNoThreadWillPost) {
  const WorkGuard hold = client.work_guard();
  EXPECT_EQ(world.run().error(), std::errc::resource_deadlock_would_occur);
  EXPECT_EQ(world.waiting(), "10.0.0.2 waits for work that no thread of this world will post\n");
}

TEST_F(WorldTest, AdvancesItsClockForAReactorThatSpins) {
  Function<void()> spin;
  spin = [&] { client.defer([&] { spin(); }); };
  spin();
  world.run_for(10us);
  EXPECT_GE(world.now(), TimePoint{1h} + 10us);
  spin = [] {};
  world.run_for(10us);
}

TEST_F(WorldTest, RunsWhatWasPosted) {
  bool has_run = false;
  client.post([&] { has_run = true; });
  EXPECT_TRUE(world.run());
  EXPECT_TRUE(has_run);
}

TEST(DrivingBackend, LetsAReactorRunItselfAndTheWorldWithIt) {
  World world{1};
  Reactor server{world.host("10.0.0.1").backend()};
  auto echo = serve<Echo>(server, "10.0.0.1:7000");
  Reactor client{world.host("10.0.0.2").driving_backend()};
  Listener listener{5};
  const auto stream = connect(client, "10.0.0.1:7000", listener);
  stream->write("hello");
  EXPECT_TRUE(client.run());
  EXPECT_EQ(listener.heard, "hello");
  EXPECT_EQ(listener.reason, CloseReason::eof);
}

// A resolver's answer is not an event of a descriptor, but it is something to do.
TEST(DrivingBackend, GetsTheAnswerToALookup) {
  World world{1};
  world.name("server.test", {"10.0.0.1"});
  Reactor client{world.host("10.0.0.2").driving_backend()};
  Resolver resolver{client};
  const TimePoint before = world.now();
  bool found = false;
  const auto lookup =
      resolver.resolve("server.test", 80, [&](auto result) { found = result.has_value(); });
  EXPECT_TRUE(client.run());
  EXPECT_TRUE(found);
  EXPECT_LT(world.now() - before, 100ms);
}

TEST(DrivingBackend, ReportsADeadlock) {
  World world{1};
  Reactor client{world.host("10.0.0.2").driving_backend()};
  const WorkGuard hold = client.work_guard();
  EXPECT_EQ(client.run().error(), std::errc::resource_deadlock_would_occur);
  const TimePoint start = world.now();
  EXPECT_TRUE(client.run_for(1s));
  EXPECT_EQ(world.now() - start, 1s);
}

TEST_F(WorldTest, MovesTheClockOfOneHost) {
  TimePoint fired{};
  Timer timer{client, [&] { fired = world.now(); }};
  timer.arm_after(1h);
  world.run_for(1s);
  client_host.jump_clock(2h);
  world.run_for(1s);
  EXPECT_EQ(fired, TimePoint{1h} + 1s);
  EXPECT_EQ(client_host.now() - server_host.now(), 2h);
}

TEST_F(WorldTest, MovesTheClockOverADeadlineBeforeAllTime) {
  TimePoint fired{};
  Timer timer{client, [&] { fired = world.now(); }};
  timer.arm_at(TimePoint::min());
  client_host.jump_clock(2h);
  client_host.jump_clock(1h);
  world.run_for(1s);
  EXPECT_EQ(fired, TimePoint{1h});
}

TEST(Spinning, LetsMoreAndMoreTimePass) {
  World world{1, {.turns_per_instant_max = 100}};
  Reactor reactor{world.host("spinner").backend()};
  int turns = 0;
  Timer timer{reactor, [&] { ++turns; }};
  timer.arm_every(0s);
  world.run_for(1min);
  EXPECT_LT(turns, 2'000'000);
  EXPECT_GT(turns, 1'000);
}

TEST(Spinning, PassesNoTimeAtWhichSomethingHappens) {
  World world{1, {.turns_per_instant_max = 100}};
  Reactor spinner{world.host("spinner").backend()};
  Reactor other{world.host("other").backend()};
  Timer spinning{spinner, [] {}};
  spinning.arm_every(0s);
  TimePoint fired{};
  Timer timer{other, [&] { fired = other.now(); }};
  timer.arm_after(5ms);
  const TimePoint due = timer.deadline();
  world.run_for(50ms);
  EXPECT_EQ(fired, due);
}

TEST(Spinning, OfADrivingReactorDoesNotDelayOthers) {
  World world{1, {.turns_per_instant_max = 100}};
  Reactor spinner{world.host("spinner").driving_backend()};
  Reactor other{world.host("other").backend()};
  Timer spinning{spinner, [] {}};
  spinning.arm_every(0s);
  TimePoint fired{};
  Timer timer{other, [&] {
                fired = other.now();
                spinner.stop();
              }};
  timer.arm_after(5ms);
  const TimePoint due = timer.deadline();
  EXPECT_TRUE(spinner.run());
  EXPECT_EQ(fired, due);
}

}  // namespace
}  // namespace rondo::sim
