// SPDX-License-Identifier: MIT
// How servers end: drain() with its deadline, and the report of its end.
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <rondo/server.h>

#include "support/server_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

/// Does not close its stream in on_drain.
struct Stubborn final : Session {
  void on_data(Stream&, Bytes) override {}
  void on_end(Stream&) override {}
  void on_drain(Stream& client) override { client.write("not yet"); }
};

class Drains : public ServersOnEveryBackend {};
RONDO_ON_EVERY_BACKEND(Drains);

TEST_P(Drains, AskEverySessionAndAbortThoseThatDoNotEnd) {
  for (const Duration timeout : {Duration{1h}, Duration{20ms}}) {
    auto server = serve<Stubborn>(reactor, "127.0.0.1:0").value();
    auto clients = connect(server, 3);
    EXPECT_TRUE(has(server, 3));
    server.drain(timeout);
    for (const Fd& client : clients) EXPECT_EQ(read_by_peer(client, 7), "not yet");
    if (timeout > 1s) {
      EXPECT_EQ(server.connections(), 3u);
      server.abort();
    }
    EXPECT_TRUE(has(server, 0));
    for (const Fd& client : clients) EXPECT_TRUE(is_closed(client));
    EXPECT_TRUE(reactor.run()) << "returns: nothing is left";
  }
}

TEST_P(Drains, CloseUnlessASessionOverridesIt) {
  auto server = serve(reactor, "127.0.0.1:0", echo(), without_lingering()).value();
  auto clients = connect(server, 3);
  EXPECT_TRUE(has(server, 3));
  server.drain(1h);
  EXPECT_TRUE(has(server, 0));
  for (const Fd& client : clients) EXPECT_EQ(read_to_end(client), "");
}

TEST_P(Drains, DoNotAbortAClientThatComesAfterTheirEnd) {
  auto server = serve(reactor, "127.0.0.1:0", echo(), without_lingering()).value();
  auto client = connect(server.local_endpoint());
  EXPECT_TRUE(has(server, 1));
  server.drain(20ms);
  EXPECT_TRUE(has(server, 0));
  const auto again = server.listen("127.0.0.1:0");
  const Fd late = connect(*again);
  EXPECT_TRUE(has(server, 1));
  EXPECT_TRUE(reactor.run_for(30ms));
  EXPECT_EQ(server.connections(), 1u);
}

TEST_P(Drains, ReportTheirEndOnceAndInALaterTurn) {
  for (const std::size_t count : {0U, 1U, 3U}) {
    auto server = serve(reactor, "127.0.0.1:0", echo(), without_lingering()).value();
    const auto clients = connect(server, count);
    EXPECT_TRUE(has(server, count));
    int done = 0;
    server.drain(forever, [&] {
      EXPECT_EQ(server.connections(), 0u);
      ++done;
    });
    EXPECT_EQ(done, 0) << "not from inside drain()";
    EXPECT_TRUE(reactor.run()) << "returns, but not before the call";
    EXPECT_EQ(done, 1);
    server.abort();
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(done, 1);
  }
}

TEST_P(Drains, ReportTheirEndAfterTheDeadline) {
  auto server = serve<Stubborn>(reactor, "127.0.0.1:0").value();
  const auto clients = connect(server, 2);
  EXPECT_TRUE(has(server, 2));
  bool done = false;
  server.drain(20ms, [&] { done = true; });
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(done);
  EXPECT_EQ(server.connections(), 0u);
}

TEST_P(Drains, WithoutALimitWaitUntilTheyAreAborted) {
  auto server = serve<Stubborn>(reactor, "127.0.0.1:0").value();
  const auto clients = connect(server, 2);
  EXPECT_TRUE(has(server, 2));
  int done = 0;
  server.drain(20ms, [&] { done += 100; });
  server.drain(forever, [&] { ++done; });  // replaces both
  EXPECT_TRUE(reactor.run_for(40ms));
  EXPECT_EQ(server.connections(), 2u);
  EXPECT_EQ(done, 0);
  server.drain(Duration::zero());  // keeps what is to be called
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(done, 1);
}

TEST_P(Drains, AreEndedByAbort) {
  auto server = serve<Stubborn>(reactor, "127.0.0.1:0").value();
  const auto clients = connect(server, 2);
  EXPECT_TRUE(has(server, 2));
  int done = 0;
  server.drain(forever, [&] { ++done; });
  run_on();
  server.abort();
  EXPECT_EQ(done, 0) << "not from inside abort()";
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(done, 1);
  EXPECT_EQ(server.connections(), 0u);
}

TEST_P(Drains, MayBeRepeatedAtTheirEnd) {
  auto server = serve(reactor, "127.0.0.1:0", echo(), without_lingering()).value();
  int done = 0;
  server.drain(1h, [&] {
    ++done;
    server.drain(1h, [&] { done += 10; });
    EXPECT_EQ(done, 1) << "not from inside drain()";
  });
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(done, 11);
}

TEST_P(Drains, OfZeroAbortWithoutAskingSessions) {
  auto server = serve<Stubborn>(reactor, "127.0.0.1:0").value();
  const Fd client = connect(server.local_endpoint());
  EXPECT_TRUE(has(server, 1));
  server.drain(Duration::zero());
  EXPECT_TRUE(has(server, 0));
  EXPECT_LE(read_result(client.get()), 0) << "no farewell";
}

TEST_P(Drains, DoNotReportTheirEndIfTheServerIsDestroyed) {
  bool done = false;
  {
    auto server = serve(reactor, "127.0.0.1:0", echo(), without_lingering()).value();
    server.drain(1h, [&] { done = true; });
  }
  EXPECT_TRUE(reactor.run());
  EXPECT_FALSE(done);
}

TEST_P(Drains, MayDestroyTheServerAtTheirEndOrThrow) {
  std::optional<Server> server{serve(reactor, "127.0.0.1:0", echo(), without_lingering()).value()};
  server->drain(1h, [&] {
    server.reset();
    throw std::runtime_error{"a user's"};
  });
  EXPECT_THROW((void)reactor.run(), std::runtime_error);  // throws before it returns
  EXPECT_FALSE(server);
  EXPECT_FALSE(reactor.alive());
}

TEST_P(Drains, DoNotAbortAClientThatComesJustBeforeTheirEndIsReported) {
  struct Last final : Session {
    explicit Last(std::function<void()>& function) : then(function) {}
    void on_data(Stream& client, Bytes data) override { client.write(data); }
    void on_close(Stream&, const Close&) override {
      std::exchange(then, [] {})();
    }
    std::function<void()>& then;
  };
  std::function<void()> then;
  auto server = serve<Last>(reactor, "127.0.0.1:0", without_lingering(), then).value();
  std::optional<Fd> late;
  then = [&] { late = connect(server.listen("127.0.0.1:0").value()); };
  const Fd first = connect(server.local_endpoint());
  EXPECT_TRUE(has(server, 1));
  int done = 0;
  server.drain(1h, [&] { ++done; });
  EXPECT_TRUE(runs_until([&] { return done == 1; }));
  ASSERT_TRUE(late);
  EXPECT_TRUE(echoes(*late));
}

TEST_P(Drains, MayBeginAnewInTheTurnInWhichOneHasEnded) {
  struct Begins final : Session {
    explicit Begins(std::function<void()>& then) : then_(then) {}
    void on_open(Stream&) override { then_(); }
    void on_data(Stream&, Bytes) override {}
    void on_drain(Stream&) override {}
    std::function<void()>& then_;
  };
  std::function<void()> then;
  auto server = serve<Begins>(reactor, "127.0.0.1:0", then).value();
  std::string ends;
  then = [&] {
    server.drain(20ms, [&] {
      EXPECT_EQ(server.connections(), 0u);
      ends += '2';
    });
  };
  const auto client = connect(server.local_endpoint());  // in the listen queue
  auto other = server.listen("127.0.0.1:0").value();
  server.drain(1h, [&] { ends += '1'; });
  other = server.listen("127.0.0.1:0").value();
  const auto late = connect(other);
  EXPECT_TRUE(reactor.run());
  if (GetParam().name == "kqueue_evil" && ends == "12") return;  // it has reported `late` later
  EXPECT_EQ(ends, "2");
}

}  // namespace
}  // namespace rondo::test
