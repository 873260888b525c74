// SPDX-License-Identifier: MIT
// How a silent connection notices a dead peer: keep-alive, and the probes of a closed window.
#include <chrono>

#include "conversation.h"

namespace rondo::sim {
namespace {

using namespace std::chrono_literals;

class ProbesTest : public Conversation {
 protected:
  /// An echo server that notices a dead peer within 60 + 3 * 10 seconds.
  Result<Server> serve_alive() {
    return serve_echo(
        {.socket = {.keep_alive = KeepAlive{.idle = 60s, .interval = 10s, .count = 3}}});
  }
};

TEST_F(ProbesTest, KeepAliveFindsAHostThatIsDown) {
  auto echo = serve_alive();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  client_host.crash();
  world.run_for(88s);
  EXPECT_EQ(echo->connections(), 1u);
  world.run_for(3s);
  EXPECT_EQ(echo->connections(), 0u);
}

TEST_F(ProbesTest, KeepAliveFindsAHostThatHasStartedAgain) {
  auto echo = serve_alive();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  client_host.crash();
  client_host.restart();
  world.run_for(1s);
  EXPECT_EQ(echo->connections(), 0u) << "reset by a host that does not know the connection";
}

TEST_F(ProbesTest, KeepAliveFindsAPartition) {
  auto echo = serve_alive();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  world.partition("10.0.0.1", "10.0.0.2", 80s);
  world.run_for(5min);
  EXPECT_EQ(echo->connections(), 1u) << "the partition ended in time";
  world.cut("10.0.0.2", "10.0.0.1");
  world.run_for(31s);
  EXPECT_EQ(echo->connections(), 0u) << "after a long silence only the count of probes is left";
}

TEST_F(ProbesTest, WithoutKeepAliveTheDeadAreWaitedForForEver) {
  auto echo = serve_echo();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  client_host.crash();
  world.run_for(24h);
  EXPECT_EQ(echo->connections(), 1u);
}

/// Connects, and does not read what the server continues to send.
struct ClosedWindow : ProbesTest {
  struct Talker final : Session {
    void on_open(Stream& client) override { client.write(std::string(4 << 20, 'x')); }
    void on_data(Stream&, Bytes) override {}
  };
  ClosedWindow() {
    client_stream = talk(listener);
    client_stream->pause();
    world.run_for(1min);
  }
  Result<Server> talker = serve<Talker>(server, "10.0.0.1:7000");
  Listener listener;
  std::unique_ptr<Stream> client_stream;
};

TEST_F(ClosedWindow, IsProbedWhenTheHostHasStartedAgain) {
  EXPECT_EQ(world.run().error(), std::errc::resource_deadlock_would_occur)
      << "no probe without a reason";
  client_host.crash();
  client_host.restart();
  world.run_for(1s);
  EXPECT_EQ(talker->connections(), 0u);
}

TEST_F(ClosedWindow, IsGivenUpWhenTheHostStaysDown) {
  client_host.crash();
  world.run_for(920s);
  EXPECT_EQ(talker->connections(), 1u);
  world.run_for(5s);
  EXPECT_EQ(talker->connections(), 0u);
}

TEST(Probes, FindTheDeadWheneverTheyDied) {
  for (int i = 0; i < 60; ++i) {
    World world{1, {.link = {.latency = 5ms}}};
    Reactor server{world.host("10.0.0.1").backend()};
    Reactor client{world.host("10.0.0.2").backend()};
    auto talker = serve<ClosedWindow::Talker>(server, "10.0.0.1:7000");
    Listener listener;
    const auto stream = connect(client, "10.0.0.1:7000", listener);
    stream->pause();
    world.run_for(i * 1ms);
    world.host("10.0.0.2").crash();
    world.run_for(20min);
    EXPECT_EQ(talker->connections(), 0u) << "after " << i << " ms\n" << world.report();
  }
}

TEST_F(ClosedWindow, SurvivesAPartition) {
  world.partition("10.0.0.1", "10.0.0.2", 5min);
  world.run_for(1h);
  EXPECT_EQ(talker->connections(), 1u);
  client_stream->resume();
  EXPECT_TRUE(world.run_until([&] { return listener.heard.size() == 4U << 20U; }, 1h))
      << world.report();
}

}  // namespace
}  // namespace rondo::sim
