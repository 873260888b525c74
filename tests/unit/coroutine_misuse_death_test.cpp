// SPDX-License-Identifier: MIT
// Programmer errors with coroutines: each is reported with what to do.
#include <gtest/gtest.h>
#include <signal.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>

#include <rondo/coroutine.h>

#include "support/run_until.h"
#include "support/task_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

template <typename Function>
constexpr bool compiles_as_write_owned =
    requires(Connection& client, Function bytes) { client.write_owned(bytes); };
static_assert(!compiles_as_write_owned<LentBytes>);

#ifndef NDEBUG

/// A connection to itself, in a reactor of its own.
class CoroutineMisuseDeathTest : public testing::Test {
 protected:
  void run(Task<> task) {
    TaskGroup group{reactor};
    group.spawn(std::move(task));
    EXPECT_TRUE(run_until(reactor, [&] { return group.size() == 0; }));
  }
  std::unique_ptr<Connection> connection() {
    auto pair = Socket::pair(reactor.net(), SocketType::stream).value();
    peer.emplace(std::move(pair[1]));
    return adopt_connection(reactor, std::move(pair[0])).value();
  }

  Reactor reactor;
  std::optional<Socket> peer;
};

TEST_F(CoroutineMisuseDeathTest, LentBytesAreCheckedAfterASuspension) {
  const auto body = [](Connection& client) -> Task<> {
    const auto data = co_await client.read();
    EXPECT_EQ(data.text(), "lent");
    co_await turn();
    EXPECT_NE(data.text(), "lent");
  };
  EXPECT_DEATH(
      {
        const auto client = connection();
        EXPECT_TRUE(peer->write(std::as_bytes(std::span{std::string_view{"lent"}})));
        run(body(*client));
      },
      "LentBytes were used after the task that read them was suspended");
}

TEST_F(CoroutineMisuseDeathTest, TwoReadersAreAnError) {
  const auto reads = [](Connection& client) -> Task<> { (void)co_await client.read(); };
  const auto body = [&](Connection& client) -> Task<> {
    (void)co_await when_any(reads(client), reads(client));
  };
  EXPECT_DEATH(
      {
        const auto client = connection();
        run(body(*client));
      },
      "A second task reads from a Connection, while another one waits for input at .*:[0-9]+");
}

TEST_F(CoroutineMisuseDeathTest, TwoBranchesThatReadAreAnError) {
  const auto body = [&](Connection& client) -> Task<> {
    (void)co_await when_any(client.read(), client.read_exactly(1));
  };
  EXPECT_DEATH(
      {
        const auto client = connection();
        run(body(*client));
      },
      "while another one waits for input at .*misuse_death_test.cpp:[1-9]");
}

TEST_F(CoroutineMisuseDeathTest, ATaskIsAwaitedOnce) {
  const auto nothing = []() -> Task<> { co_return; };
  const auto body = [&]() -> Task<> {
    Task<> task = nothing();
    co_await std::move(task);
    co_await std::move(task);
  };
  EXPECT_DEATH(run(body()), "A Task was awaited that is empty");
}

TEST_F(CoroutineMisuseDeathTest, ADelimiterIsNotEmpty) {
  const auto body = [](Connection& client) -> Task<> { (void)co_await client.read_until(""); };
  EXPECT_DEATH(
      {
        const auto client = connection();
        run(body(*client));
      },
      "Connection::read_until was given an empty delimiter");
}

TEST_F(CoroutineMisuseDeathTest, AConnectionOutlivesTheTaskThatReads) {
  const auto reads = [](Connection& client) -> Task<> { (void)co_await client.read_exactly(3); };
  EXPECT_DEATH(
      {
        auto client = connection();
        TaskGroup group{reactor};
        group.spawn(reads(*client));
        EXPECT_TRUE(reactor.run_once(Duration::zero()));
        client.reset();
      },
      "A Connection was destroyed while a task waits for it");
}

/// What one task at a time may wait for: each kind has its message.
TEST_F(CoroutineMisuseDeathTest, OneTaskAtATimeWaits) {
  Signals signals{reactor, {SIGUSR1}};
  auto listener = Listener::make(reactor, Endpoint::loopback(0)).value();
  auto datagrams = Datagrams::make(reactor, Endpoint::loopback(0)).value();
  auto child = Child::start(reactor, {"sleep", "60"}).value();
  const auto twice = [](auto& object, auto wait) -> Task<> {
    (void)co_await when_any(wait(object), wait(object));
  };
  constexpr const char* again = " was awaited while another task waits in it";
  const auto next = [](Signals& one) { return one.next(); };
  EXPECT_DEATH(run(twice(signals, next)), std::string{"Signals::next"} + again);
  const auto accept = [](Listener& one) { return one.accept(); };
  EXPECT_DEATH(run(twice(listener, accept)), std::string{"Listener::accept"} + again);
  const auto receive = [](Datagrams& one) { return one.receive(); };
  EXPECT_DEATH(run(twice(datagrams, receive)), std::string{"Datagrams::receive"} + again);
  const auto exited = [](Child& one) { return one.exited(); };
  EXPECT_DEATH(run(twice(child, exited)), std::string{"Child::exited"} + again);
}

TEST_F(CoroutineMisuseDeathTest, WhatIsAwaitedOutlivesTheTask) {
  const auto waits = [](Signals& signals) -> Task<> { (void)co_await signals.next(); };
  EXPECT_DEATH(
      {
        auto signals = std::make_unique<Signals>(reactor, std::initializer_list<int>({SIGUSR1}));
        TaskGroup group{reactor};
        group.spawn(waits(*signals));
        EXPECT_TRUE(reactor.run_once(Duration::zero()));
        signals.reset();
      },
      "Signals::next: its object was destroyed while a task waits for it");
}

TEST_F(CoroutineMisuseDeathTest, ACollectionIsTakenOnce) {
  auto collection = Collection::start(reactor, {"true"}).value();
  const auto body = [&]() -> Task<> {
    (void)co_await collection.ended();
    (void)co_await collection.ended();
  };
  EXPECT_DEATH(run(body()), "Collection::ended was awaited again");
}

TEST_F(CoroutineMisuseDeathTest, AThreadPoolIsSetBeforeItsUse) {
  set_thread_pool(reactor, {.threads_max = 1});
  EXPECT_DEATH(set_thread_pool(reactor, {.threads_max = 2}),
               "set_thread_pool was called after the pool was made");
}

#endif

}  // namespace
}  // namespace rondo::test
