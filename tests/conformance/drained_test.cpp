// SPDX-License-Identifier: MIT
// Tasks that wait until a server has drained, on each backend.
#include <rondo/run.h>

#include <memory>
#include <optional>

#include <rondo/coroutine.h>

#include "support/server_fixture.h"
#include "support/task_end.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class DrainedTest : public ServersOnEveryBackend {
 protected:
  /// A task that waits, and ends then.
  std::unique_ptr<TaskGroup> wait(Server& one, Duration timeout) {
    const auto body = [](Server& drains, Duration within) -> Task<> {
      co_await drained(drains, within);
    };
    auto group = std::make_unique<TaskGroup>(reactor);
    group->spawn(expect_no_exception(body(one, timeout)));
    run_on();
    return group;
  }
  /// It has a client that does not leave.
  void make_server() {
    const auto waits = [this](Connection& served) -> Task<> {
      co_await served.draining();
      co_await event.wait();
    };
    server.emplace(serve(reactor, "127.0.0.1:0", waits, without_lingering()).value());
    client = connect(server->local_endpoint());
    EXPECT_TRUE(has(*server, 1));
    run_on();
  }

  Event event;
  std::optional<Server> server;
  Fd client;
};
RONDO_ON_EVERY_BACKEND(DrainedTest);

TEST_P(DrainedTest, ContinuesWhenTheLastConnectionHasEnded) {
  make_server();
  const auto group = wait(*server, 10s);
  EXPECT_EQ(group->size(), 1U);
  event.set();
  EXPECT_TRUE(runs_until([&] { return group->size() == 0; }));
  EXPECT_EQ(server->connections(), 0U);
}

TEST_P(DrainedTest, ContinuesAtTheDeadline) {
  make_server();
  const auto group = wait(*server, 10ms);
  EXPECT_TRUE(runs_until([&] { return group->size() == 0; }));
  EXPECT_EQ(server->connections(), 0U);
}

TEST_P(DrainedTest, ContinuesWithoutAConnection) {
  server.emplace(serve(reactor, "127.0.0.1:0", echo()).value());
  const auto group = wait(*server, 10s);
  EXPECT_TRUE(runs_until([&] { return group->size() == 0; }));
}

TEST_P(DrainedTest, ContinuesWhenTheServerIsDestroyedOrDrainsAnew) {
  for (const bool anew : {false, true}) {
    make_server();
    const auto group = wait(*server, 10s);
    EXPECT_EQ(group->size(), 1U);
    if (anew) {
      server->drain(10s, [] {});
    } else {
      server.reset();
    }
    EXPECT_TRUE(runs_until([&] { return group->size() == 0; }));
    server.reset();
  }
}

TEST_P(DrainedTest, MayBeCancelledWhileTheServerGoesOn) {
  make_server();
  auto group = wait(*server, 10s);
  group.reset();
  event.set();
  EXPECT_TRUE(has(*server, 0));
  run_on();
}

}  // namespace
}  // namespace rondo::test
