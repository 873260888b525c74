// SPDX-License-Identifier: MIT
// A Reconnector in virtual time: how often it calls on a server that drops it at once.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>

#include <rondo/reconnector.h>

#include "sim/conversation.h"

namespace rondo::sim {
namespace {

using namespace std::chrono_literals;

/// Accepts each client and closes the connection at once, or after a while.
struct Dropping final : Session {
  explicit Dropping(Reactor& reactor) : timer(reactor, [this] { stream->close(); }) {}
  void on_open(Stream& client) override {
    stream = &client;
    lasts == Duration::zero() ? client.close() : timer.arm_after(lasts);
  }
  void on_data(Stream&, Bytes) override {}

  static inline Duration lasts{};
  Stream* stream = nullptr;
  Timer timer;
};

class ReconnectorTest : public Conversation {
 protected:
  std::size_t connects_within(Duration time, Duration lasts, const ReconnectOptions& options) {
    Dropping::lasts = lasts;
    const auto dropping = serve<Dropping>(server, "10.0.0.1:7000", {}, server);
    EXPECT_TRUE(dropping);
    Listener listener;
    StreamHandler& handler = listener;
    const Reconnector reconnector{client, "10.0.0.1:7000", handler, options};
    world.run_for(time);
    return reconnector.connects();
  }
};

// The back-off once started again with each connect: a server that dropped its clients was
// connected to thirty times in six seconds.
TEST_F(ReconnectorTest, CallsLessAndLessOftenOnAServerThatDropsIt) {
  EXPECT_LE(connects_within(10min, 0s, {.backoff = {.seed = 1}}), 100U);
}

TEST_F(ReconnectorTest, StartsWithSmallPausesAfterAConnectionThatLasted) {
  const ReconnectOptions options{.backoff = {.max = 1h, .seed = 1}, .stable_after = 5s};
  const std::size_t lasting = connects_within(10min, 6s, options);
  EXPECT_GE(lasting, 80U);  // about 6 s each, with pauses well below a second
  EXPECT_LE(lasting, 100U);
}

// From a minimum of zero the pauses once never grew: there were 100 tries a second without end.
TEST_F(ReconnectorTest, CallsLessAndLessOftenFromAMinimumOfZeroToo) {
  EXPECT_LE(connects_within(10min, 0s, {.backoff = {.min = 0s, .seed = 1}}), 200U);
}

TEST_F(ReconnectorTest, PausesEvenIfItsOptionsDoNot) {
  const ReconnectOptions options{.backoff = {.min = 0s, .max = 0s}};
  EXPECT_LE(connects_within(1s, 0s, options), 101U);
}

}  // namespace
}  // namespace rondo::sim
