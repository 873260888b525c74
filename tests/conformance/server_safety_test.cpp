// SPDX-License-Identifier: MIT
// What a server does by default against clients that harm others.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/server_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class ServerSafety : public ServersOnEveryBackend {};
RONDO_ON_EVERY_BACKEND(ServerSafety);

/// Throws at `throw`, else answers.
struct Fragile final : ClientSession {
  void on_data(Stream& stream, Bytes data) override {
    EXPECT_EQ(&stream, &client());
    if (as_text(data) == "throw") throw std::runtime_error{"fragile"};
    client().write(data);
  }
};

TEST_P(ServerSafety, AThrowingSessionEndsNoOther) {
  auto server = serve<Fragile>(reactor, "127.0.0.1:0").value();
  const auto clients = connect(server, 2);
  ASSERT_TRUE(has(server, 2));
  testing::internal::CaptureStderr();
  write_all(clients[0].get(), "throw");
  EXPECT_TRUE(is_closed(clients[0]));
  EXPECT_TRUE(echoes(clients[1]));
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(line.starts_with("session of 127.0.0.1:")) << line;
  EXPECT_TRUE(line.ends_with(": fragile\n")) << line;
  EXPECT_EQ(server.counters().exceptions, 1u);
}

TEST_P(ServerSafety, AThrowingFilterRefusesItsClientOnly) {
  auto server = serve(reactor, "127.0.0.1:0", echo()).value();
  bool throws = true;
  int reported = 0;
  server.set_error_handler([&](const std::exception_ptr&) { ++reported; });
  server.accept_if([&](const Endpoint&) {
    if (std::exchange(throws, false)) throw std::runtime_error{"filter"};
    return true;
  });
  const Fd first = connect(server.local_endpoint());
  EXPECT_TRUE(runs_until([&] { return reported == 1; }));
  const Fd second = connect(server.local_endpoint());
  EXPECT_TRUE(echoes(second));
  EXPECT_EQ(server.connections(), 1u);
}

TEST_P(ServerSafety, SessionsKnowTheirPeer) {
  std::optional<Endpoint> seen;
  struct Curious final : ClientSession {
    explicit Curious(std::optional<Endpoint>& known) : seen_(known) {}
    void on_open(Stream&) override { client().write("hello"); }
    void on_data(Stream&, Bytes) override {}
    void on_close(Stream&, const Close&) override { seen_ = peer(); }
    std::optional<Endpoint>& seen_;
  };
  auto server = serve<Curious>(reactor, "127.0.0.1:0", seen).value();
  Fd client = connect(server.local_endpoint());
  EXPECT_EQ(read_by_peer(client, 5), "hello");
  client.close();
  EXPECT_TRUE(runs_until([&] { return seen.has_value(); }));
  EXPECT_EQ(seen->host(), "127.0.0.1");
}

TEST_P(ServerSafety, ReadingPausesForAClientThatDoesNotRead) {
  std::size_t received = 0;
  auto server = serve(reactor, "127.0.0.1:0",
                      [&](Stream& client, Bytes data) {
                        received += data.size();
                        client.write(data);
                      },
                      {.stream = {.idle_timeout = 1h}})
                    .value();
  const Fd client = connect(server.local_endpoint());
  ASSERT_TRUE(has(server, 1));
  const std::string block(1'000'000, 'x');
  std::size_t sent = 0;
  for (int quiet = 0; quiet < 20; ++quiet) {
    const long count = write_some(client.get(), block);
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
      quiet = 0;
    }
    run_turns(reactor, 5);
    ASSERT_LT(sent, 100'000'000u) << "the server reads on";
  }
  EXPECT_EQ(server.connections(), 1u);
  EXPECT_GT(received, 0u);
}

TEST_P(ServerSafety, AHandshakeThatIsNeverDoneEndsInTime) {
  ServerOptions options;
  options.stream.handshake_timeout = 50ms;
  std::vector<std::string> ends;
  struct Greeting final : Session {
    explicit Greeting(std::vector<std::string>& ends) : ends_(ends) {}
    void on_data(Stream& client, Bytes data) override {
      if (as_text(data) == "done") client.handshake_done();
    }
    void on_close(Stream&, const Close& why) override { ends_.emplace_back(why.what); }
    std::vector<std::string>& ends_;
  };
  auto server = serve(reactor, "127.0.0.1:0", session_factory<Greeting>(ends), options).value();
  const auto clients = connect(server, 2);
  ASSERT_TRUE(has(server, 2));
  write_all(clients[0].get(), "do");
  write_all(clients[1].get(), "done");
  EXPECT_TRUE(has(server, 1));
  EXPECT_EQ(ends, std::vector<std::string>{"handshake timeout"});
  EXPECT_TRUE(is_closed(clients[0]));
}

// A TCP peer whose answer is half read loses the rest if it sends and gets a reset.
TEST_P(ServerSafety, AnAnswerSurvivesWhatTheClientSendsAfterTheClose) {
  const std::string answer = numbered_text(100'000);
  auto server = serve(reactor, "127.0.0.1:0", [&](Stream& client, Bytes) {
                  client.write(answer);
                  client.close();
                }).value();
  const Fd client = connect(server.local_endpoint());
  ASSERT_TRUE(has(server, 1));
  write_all(client.get(), "?");
  std::string got = read_by_peer(client, 1);
  run_on();
  write_all(client.get(), "another request");
  run_on();
  got += read_to_end(client);
  EXPECT_EQ(got, answer);
}

}  // namespace
}  // namespace rondo::test
