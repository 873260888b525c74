// SPDX-License-Identifier: MIT
// internet_facing(), in virtual time: the values of docs/facing_the_internet.md, and what they do.
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <rondo/reactor.h>
#include <rondo/server.h>
#include <rondo/timer.h>

#include "support/descriptors.h"
#include "support/jumping_backend.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

constexpr Duration step = Duration{1 << 20};

class InternetFacing : public testing::Test {
 protected:
  struct Ends {
    std::vector<std::string> why;
    std::vector<TimePoint> when;
  };
  /// Knows a request by its end, and answers it.
  struct Answering final : Session {
    Answering(Reactor& reactor, Ends& ends) : reactor_(reactor), ends_(ends) {}
    void on_data(Stream& client, Bytes data) override {
      if (!as_text(data).ends_with('\n')) return;
      client.handshake_done();
      client.write(std::string(as_text(data) == "much\n" ? 1'000'000 : 1, 'a'));
    }
    void on_close(Stream&, const Close& why) override {
      ends_.why.emplace_back(why.what);
      ends_.when.push_back(reactor_.now());
    }
    Reactor& reactor_;
    Ends& ends_;
  };

  InternetFacing() {
    reactor.emplace(std::unique_ptr<Backend>{std::make_unique<JumpingBackend>(system_net())});
    const std::string name = "unix:@rondo-internet-" + std::to_string(::getpid());
    server = serve<Answering>(*reactor, name, internet_facing(), *reactor, ends).value();
    started_at = reactor->now();
  }
  [[nodiscard]] Socket connect() const {
    return Socket::connect(system_net(), server->local_endpoint()).value();
  }
  void at(Duration when, std::function<void()> then) {
    timers.push_back(std::make_unique<Timer>(*reactor, std::move(then)));
    timers.back()->arm_at(started_at + when);
  }
  /// Until the only client has ended.
  void expect_end(std::string_view what, Duration when) {
    while (ends.why.empty()) ASSERT_TRUE(reactor->run_once());
    EXPECT_EQ(ends.why.front(), what);
    EXPECT_GE(ends.when.front() - started_at, when);
    EXPECT_LE(ends.when.front() - started_at, when + 2 * step);
  }

  std::optional<Reactor> reactor;
  Ends ends;
  std::optional<Server> server;
  TimePoint started_at{};
  std::vector<std::unique_ptr<Timer>> timers;
};

TEST_F(InternetFacing, HasTheValuesOfItsPage) {
  const ServerOptions options = internet_facing();
  const ServerOptions defaults;
  EXPECT_EQ(options.connections_per_address_max, 64u);
  EXPECT_EQ(options.ipv6_prefix_length, 64u);
  EXPECT_EQ(options.connections_max, defaults.connections_max);
  EXPECT_EQ(options.write_buffers_max, 8u << 20U);
  EXPECT_EQ(options.write_descriptors_max, defaults.write_descriptors_max);
  EXPECT_EQ(options.stream.pause_reading_when_full, defaults.stream.pause_reading_when_full);
  EXPECT_EQ(options.stream.write_buffer_max, 14u << 20U);
  EXPECT_EQ(options.stream.write_descriptors_max, 253u);
  EXPECT_EQ(options.stream.handshake_timeout, 20s);
  EXPECT_EQ(options.stream.idle_timeout, 1min);
  EXPECT_EQ(options.stream.write_timeout, 30s);
  EXPECT_EQ(options.stream.close_timeout, 10s);
  EXPECT_TRUE(options.socket.keep_alive.has_value());
}

// Slow loris: a byte every few seconds.
TEST_F(InternetFacing, EndsAClientThatNeverCompletesItsFirstRequest) {
  const Socket client = connect();
  for (int i = 1; i < 100; ++i)
    at(5s * i, [&] { (void)write_some(client.fd(), "x"); });  // it may have been closed
  expect_end("handshake timeout", 20s);
}

TEST_F(InternetFacing, EndsAClientThatSaysNothingMore) {
  const Socket client = connect();
  at(15s, [&] { write_all(client.fd(), "x\n"); });
  expect_end("idle timeout", 75s);
}

TEST_F(InternetFacing, EndsAClientThatTakesNothing) {
  const Socket client = connect();
  at(5s, [&] { write_all(client.fd(), "much\n"); });
  expect_end("write timeout", 35s);
}

TEST_F(InternetFacing, KeepsAClientThatTalks) {
  const Socket client = connect();
  for (int i = 0; i < 20; ++i) at(10s + 50s * i, [&] { write_all(client.fd(), "x\n"); });
  expect_end("idle timeout", 10s + 50s * 19 + 60s);
}

TEST_F(InternetFacing, KeepsNewOptionsFromTimingAHandshakeThatIsDone) {
  struct Calm final : Session {
    void on_data(Stream& client, Bytes) override {
      client.handshake_done();
      StreamOptions options = client.options();
      options.idle_timeout = forever;
      client.set_options(options);
    }
  };
  auto calm =
      serve<Calm>(*reactor, "unix:@rondo-calm-" + std::to_string(::getpid()), internet_facing())
          .value();
  const Socket client = Socket::connect(system_net(), calm.local_endpoint()).value();
  write_all(client.fd(), "x");
  bool has_passed = false;
  at(1h, [&] { has_passed = true; });
  while (!has_passed) ASSERT_TRUE(reactor->run_once());
  EXPECT_EQ(calm.connections(), 1u);
}

}  // namespace
}  // namespace rondo::test
