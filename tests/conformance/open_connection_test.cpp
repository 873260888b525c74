// SPDX-License-Identifier: MIT
// Connections that tasks open, on each backend.
#include <rondo/open_connection.h>

#include <cerrno>
#include <memory>
#include <string>

#include <rondo/coroutine.h>

#include "support/server_fixture.h"
#include "support/task_end.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class OpenConnectionTest : public ServersOnEveryBackend {
 protected:
  Task<> echo_all(Connection& client) {
    while (const auto data = co_await client.read()) client.write(data);
  }
  Server start() {
    return serve(
               reactor, "127.0.0.1:0", [this](Connection& client) { return echo_all(client); },
               without_lingering())
        .value();
  }
};
RONDO_ON_EVERY_BACKEND(OpenConnectionTest);

TEST_P(OpenConnectionTest, TalksToAServer) {
  const Server server = start();
  std::string answer;
  const auto body = [&]() -> Task<> {
    const std::string target = server.local_endpoint().to_string();
    const auto connection = co_await open_connection(target);
    connection->write("hello\n");
    answer = (co_await connection->read_until("\n")).text();
    connection->shutdown_output();
    EXPECT_FALSE(co_await connection->read());
    EXPECT_EQ((co_await connection->closed()).reason, CloseReason::eof);
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(answer, "hello\n");
  EXPECT_TRUE(has(server, 0));
}

TEST_P(OpenConnectionTest, ThrowsWhatWasTried) {
  std::string error;
  const auto body = [&]() -> Task<> {
    const std::string target = "127.0.0.1:" + std::to_string(deserted_port());
    try {
      const auto connection = co_await open_connection(target);
    } catch (const Disconnected& thrown) {
      error = thrown.what();
      EXPECT_EQ(thrown.reason(), CloseReason::not_connected);
      EXPECT_EQ(thrown.code(), std::errc::connection_refused);
      EXPECT_EQ(error, "connect to " + target + ": Connection refused");
    }
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_FALSE(error.empty());
}

TEST_P(OpenConnectionTest, IsNotMadeOfASocketOfDatagrams) {
  auto sockets = Socket::pair(reactor.net(), SocketType::datagram);
  ASSERT_TRUE(sockets);
  const auto adopted = adopt_connection(reactor, std::move((*sockets)[0]));
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().code, std::error_code(ESOCKTNOSUPPORT, std::system_category()));
}

TEST_P(OpenConnectionTest, ReadsStandardInput) {
  RONDO_NEEDS(files);
  Pair pair = unix_pair();
  const Fd kept = duplicate(STDIN_FILENO);
  ASSERT_EQ(::dup2(pair.ours.get(), STDIN_FILENO), STDIN_FILENO);
  pair.ours = Fd{};
  std::string line;
  const auto body = [&]() -> Task<> {
    const auto input = open_standard_input(reactor).value();
    line = (co_await input->read_until("\n")).text();
  };
  write_all(pair.theirs.get(), "one\n");
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(::dup2(kept.get(), STDIN_FILENO), STDIN_FILENO);
  EXPECT_EQ(line, "one\n");
}

TEST_P(OpenConnectionTest, MayBeCancelledAtEachPoint) {
  const Server server = start();
  const std::string target = server.local_endpoint().to_string();
  for (int turns = 0; turns < 8; ++turns) {
    const auto body = [&]() -> Task<> {
      const auto connection = co_await open_connection(target);
      connection->write("hello\n");
      (void)co_await connection->read_until("\n");
      (void)co_await connection->read();
    };
    {
      TaskGroup group{reactor};
      group.spawn(body());
      run_turns(reactor, turns);
    }
    EXPECT_TRUE(has(server, 0)) << turns;
  }
}

TEST_P(OpenConnectionTest, MayBeDestroyedByTheTaskThatReadsIt) {
  const Server server = start();
  const std::string target = server.local_endpoint().to_string();
  bool ended = false;
  const auto body = [&]() -> Task<> {
    for (const bool waits : {false, true}) {
      auto connection = co_await open_connection(target);
      if (waits) {
        connection->write("hello\n");
        EXPECT_TRUE(co_await connection->read());
      }
      connection.reset();
    }
    ended = true;
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_TRUE(ended);
  EXPECT_TRUE(has(server, 0));
}

TEST_P(OpenConnectionTest, PassesBytesBetweenTwoConnections) {
  const Server server = start();
  const std::string target = server.local_endpoint().to_string();
  const auto pump = [](Connection& from, Connection& to) -> Task<> {
    while (const auto data = co_await from.read()) co_await to.send(data);
    to.shutdown_output();
  };
  const auto proxy = [&](Connection& client) -> Task<> {
    const auto upstream = co_await open_connection(target);
    (void)co_await when_all(pump(client, *upstream), pump(*upstream, client));
  };
  const Server front = serve(reactor, "127.0.0.1:0", proxy, without_lingering()).value();
  Fd client = connect(front.local_endpoint());
  const std::string much = numbered_text(200'000);
  std::size_t sent = 0;
  std::string received;
  EXPECT_TRUE(runs_until([&] {
    if (sent < much.size()) {
      const long more = write_some(client.get(), std::string_view{much}.substr(sent));
      if (more > 0) sent += static_cast<std::size_t>(more);
    }
    received += read_all(client.get());
    return received.size() == much.size();
  }));
  EXPECT_EQ(received, much);
  client = Fd{};
  EXPECT_TRUE(has(front, 0));
  EXPECT_TRUE(has(server, 0));
}

// What has arrived stays, however often a read is cancelled.
TEST_P(OpenConnectionTest, ACancelledReadLosesNoByte) {
  const Server server = start();
  const std::string target = server.local_endpoint().to_string();
  const std::string text = numbered_text(20'000) + ";";
  std::string received;
  int cancelled = 0;
  const auto body = [&]() -> Task<> {
    const auto connection = co_await open_connection(target);
    const auto writes = [&]() -> Task<> {
      for (std::size_t at = 0; at < text.size(); at += 997) {
        connection->write(std::string_view{text}.substr(at, 997));
        co_await turn();
      }
    };
    TaskGroup writer{reactor};
    writer.spawn(writes());
    while (!received.ends_with(";")) {
      const auto data = co_await timeout(0s, connection->read_until(","));
      if (data && !data->empty()) {
        received += data->text();
      } else {
        ++cancelled;
        if (connection->unread_bytes() > 0 &&
            received.size() + connection->unread_bytes() == text.size()) {
          received += (co_await connection->read()).text();
        }
      }
    }
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(received, text);
  EXPECT_GT(cancelled, 0);
}

}  // namespace
}  // namespace rondo::test
