// SPDX-License-Identifier: MIT
// Links, partitions, crashes and names: the network between hosts and its failures.
#include <chrono>

#include <rondo/process.h>

#include "conversation.h"

namespace rondo::sim {
namespace {

using namespace std::chrono_literals;

class NetworkTest : public Conversation {};

TEST_F(NetworkTest, ClientIsRefusedByAHostThatDoesNotListen) {
  Listener listener;
  const auto stream = talk(listener);
  EXPECT_TRUE(world.run());
  EXPECT_EQ(listener.reason, CloseReason::not_connected);
  EXPECT_EQ(listener.message, "connect to 10.0.0.1:7000: Connection refused");
}

TEST_F(NetworkTest, AddressWithoutAHostDoesNotAnswer) {
  Listener listener;
  const auto stream = talk(listener, "10.9.9.9:80", {.timeout = 1h});
  const TimePoint start = world.now();
  EXPECT_TRUE(world.run_until([&] { return listener.closes == 1; }, 1h));
  EXPECT_EQ(world.now() - start, 127s);
  EXPECT_EQ(listener.message, "connect to 10.9.9.9:80: Connection timed out");
}

TEST_F(NetworkTest, PartitionDelaysWhatWasWritten) {
  auto echo = serve_echo();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  world.partition("10.0.0.1", "10.0.0.2", 3s);
  stream->write("hello");
  world.run_for(2s);
  EXPECT_EQ(listener.heard, "");
  world.run_for(2s);
  EXPECT_EQ(listener.heard, "hello");
}

TEST_F(NetworkTest, PartitionThatStaysEndsAWriterAfterAQuarterOfAnHour) {
  auto echo = serve_echo();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  world.partition("10.0.0.1", "10.0.0.2");
  stream->write("hello");
  world.run_for(900s);
  EXPECT_EQ(listener.closes, 0);
  world.run_for(100s);
  EXPECT_EQ(listener.closes, 1);
  EXPECT_EQ(listener.reason, CloseReason::timed_out) << listener.message;
}

TEST_F(NetworkTest, CutOneWayLetsTheOtherPass) {
  auto echo = serve_echo();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  world.cut("10.0.0.1", "10.0.0.2");
  stream->write("hello");
  world.run_for(1s);
  EXPECT_EQ(echo->connections(), 1u);
  EXPECT_EQ(listener.heard, "");
  world.heal("10.0.0.1", "10.0.0.2");
  world.run_for(1s);
  EXPECT_EQ(listener.heard, "hello");
}

TEST_F(NetworkTest, HeldPacketsLeaveInOrder) {
  auto echo = serve_echo();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  world.hold("10.0.0.2", "10.0.0.1");
  for (const char* part : {"one ", "two ", "three"}) {
    stream->write(part);
    world.run_for(1s);
  }
  EXPECT_EQ(listener.heard, "");
  world.release("10.0.0.2", "10.0.0.1");
  world.run_for(1s);
  EXPECT_EQ(listener.heard, "one two three");
}

TEST(Crash, IsLearntFromAResetOnceTheHostRunsAgain) {
  World world{1};
  Host& host = world.host("10.0.0.1");
  Reactor client{world.host("10.0.0.2").backend()};
  Listener listener;
  std::unique_ptr<Stream> stream;
  {
    Reactor server{host.backend()};
    auto echo = serve<Echo>(server, "10.0.0.1:7000");
    stream = connect(client, "10.0.0.1:7000", listener);
    world.run_for(1s);
    EXPECT_TRUE(listener.opened);
    host.crash();
    EXPECT_EQ(host.descriptors(), 0u);
    stream->write("anybody there?");
    world.run_for(10s);
    EXPECT_EQ(listener.closes, 0) << "silence";
  }
  host.restart();
  world.run_for(1s);
  EXPECT_EQ(listener.closes, 1);
  EXPECT_EQ(listener.reason, CloseReason::reset);
  Reactor server{host.backend()};
  auto echo = serve<Echo>(server, "10.0.0.1:7000");
  ASSERT_TRUE(echo) << "the port is free: " << echo.error().message();
  Listener second;
  stream = connect(client, "10.0.0.1:7000", second);
  world.run_for(1s);
  EXPECT_TRUE(second.opened);
}

TEST(Programs, AreNotStartedFromASimulatedHost) {
  World world{1};
  Reactor reactor{world.host("10.0.0.1").backend()};
  const auto process = Process::start(reactor, {"true"}, [](const ExitStatus&) { FAIL(); });
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error(), std::errc::operation_not_supported);
  EXPECT_EQ(process.error().message(),
            "start a program from a simulated network: Operation not supported");
  EXPECT_TRUE(world.run());
}

TEST(Crash, LeavesTheNextProcessAlone) {
  World world{1};
  Host& host = world.host("10.0.0.1");
  Net& before = host.net();
  const int old_fd = before.socket(AddressFamily::ipv4, SocketType::stream);
  ASSERT_EQ(old_fd, 3);
  host.crash();
  host.restart();
  EXPECT_EQ(host.net().socket(AddressFamily::ipv4, SocketType::stream), 3);
  EXPECT_EQ(before.close(old_fd), -EBADF);
  EXPECT_EQ(host.descriptors(), 1u);
}

TEST_F(NetworkTest, NameOfAHostAndOfOthersIsResolved) {
  auto echo = serve_echo();
  world.name("example.org", {"10.0.0.1"});
  Listener listener{2};
  const auto stream = talk(listener, "example.org:7000");
  stream->write("hi");
  EXPECT_TRUE(world.run());
  EXPECT_EQ(listener.heard, "hi");

  Listener nowhere;
  const auto lost = talk(nowhere, "nowhere.example:7000");
  EXPECT_TRUE(world.run());
  EXPECT_EQ(nowhere.message,
            "connect to nowhere.example:7000: resolve nowhere.example: Domain name not found");
}

// RFC 8305: the second address joins the race while the first is silent.
TEST_F(NetworkTest, HappyEyeballsPassOverAnAddressThatIsSilent) {
  ASSERT_TRUE(client_host.add_address("2001:db8::2"));
  ASSERT_TRUE(server_host.add_address("2001:db8::1"));
  auto echo = serve_echo();
  world.name("both.example", {"2001:db8::dead", "10.0.0.1"});
  Listener listener;
  const TimePoint start = world.now();
  const auto stream = talk(listener, "both.example:7000");
  EXPECT_TRUE(world.run_until([&] { return listener.opened; }, 1h));
  EXPECT_GE(world.now() - start, 250ms);
  EXPECT_LT(world.now() - start, 300ms);
}

TEST_F(NetworkTest, SilentNamesTimeOut) {
  world.faults().set(Fault::silent_name, 1);
  world.name("example.org", {"10.0.0.1"});
  Listener listener;
  const auto stream = talk(listener, "example.org:7000");
  EXPECT_TRUE(world.run());
  EXPECT_EQ(listener.reason, CloseReason::not_connected);
}

TEST_F(NetworkTest, ServerStopsReadingFromAClientThatDoesNotRead) {
  auto echo = serve_echo({.stream = {.pause_reading_when_full = true}});
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  stream->pause();
  const std::size_t size = 8 << 20;
  stream->write(std::string(size, 'x'));
  world.run_for(1s);
  EXPECT_GT(stream->unsent_bytes(), size / 2) << "windows are finite";
  stream->resume();
  EXPECT_TRUE(world.run_until([&] { return listener.heard.size() == size; }, 1h));
}

TEST_F(NetworkTest, ServerOutOfDescriptorsShedsAndRecovers) {
  auto echo = serve_echo();
  server_host.limit_descriptors(server_host.descriptors());
  Listener shed;
  const auto first = talk(shed);
  EXPECT_TRUE(world.run_until([&] { return shed.closes == 1; }, 1min));
  EXPECT_EQ(echo->counters().listeners.shed, 1u);
  server_host.limit_descriptors(100);
  Listener served{2};
  const auto second = talk(served);
  second->write("hi");
  EXPECT_TRUE(world.run_until([&] { return served.closes == 1; }, 1min));
  EXPECT_EQ(served.heard, "hi");
}

// Found by a seed: the server's answer was cut off because buffers were missing, but its client saw
// a normal end.
TEST_F(NetworkTest, OutputThatIsLostEndsInAReset) {
  auto echo = serve_echo();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  server_host.limit_memory(0);
  stream->write("hello");
  world.run_for(1s);
  EXPECT_EQ(echo->connections(), 0u);
  EXPECT_FALSE(listener.ended);
  EXPECT_EQ(listener.reason, CloseReason::reset) << listener.message;
}

TEST_F(NetworkTest, MemoryOfAHostIsFinite) {
  auto echo = serve_echo();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  world.hold("10.0.0.2", "10.0.0.1");
  client_host.limit_memory(0);
  stream->write("hello");
  world.run_for(1s);
  EXPECT_EQ(listener.reason, CloseReason::error) << listener.message;
}

}  // namespace
}  // namespace rondo::sim
