// SPDX-License-Identifier: MIT
// A client whose connection takes six seconds: its deadlines, and what it does meanwhile.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "sim/conversation.h"

namespace rondo::sim {
namespace {

using namespace std::chrono_literals;

class SlowConnect : public Conversation {
 protected:
  SlowConnect() : Conversation(1, {.link = {.latency = 3s}}) {}

  Result<Server> echo = serve_echo();
  Listener listener;
};

TEST_F(SlowConnect, DoesNotCountForTheWriteTimeout) {
  const auto stream = talk(listener, "10.0.0.1:7000", {.stream = {.write_timeout = 2s}});
  stream->write("hello");
  world.run_for(15s);
  EXPECT_EQ(listener.heard, "hello") << listener.message;
}

TEST_F(SlowConnect, DoesNotCountForTheLifetimeAlsoIfItIsSetMeanwhile) {
  const auto stream = talk(listener);
  stream->set_options({.idle_timeout = 5s, .lifetime = 8s});
  world.run_for(11s - 1ms);
  EXPECT_EQ(listener.closes, 0) << listener.message;
  world.run_for(2ms + 1ms);
  EXPECT_EQ(listener.message, "idle timeout: Connection timed out");
}

TEST_F(SlowConnect, EndsWithinTheTimeoutOfClose) {
  const auto stream = talk(listener);
  stream->write("never sent");
  stream->close(1s);
  world.run_for(1s + 1ms);
  EXPECT_EQ(listener.message, "close timeout: Connection timed out");
}

TEST_F(SlowConnect, IsNotKeptByADetachedStreamBeyondItsCloseTimeout) {
  auto stream = talk(listener, "10.0.0.1:7000", {.stream = {.close_timeout = 1s}});
  stream->write("never sent");
  Stream::close_detached(std::move(stream));
  world.run_for(1s + 1ms);
  EXPECT_FALSE(client.alive());
}

TEST_F(SlowConnect, CallsOnOpenBeforeOnResume) {
  struct Log final : StreamHandler {
    void on_open(Stream&) override { calls += "open "; }
    void on_resume(Stream&) override { calls += "resume "; }
    void on_data(Stream&, Bytes) override {}
    std::string calls;
  } log;
  const auto stream = connect(client, "10.0.0.1:7000", log);
  stream->pause();
  stream->resume();
  world.run_for(10s);
  EXPECT_EQ(log.calls, "open resume ");
}

}  // namespace
}  // namespace rondo::sim
