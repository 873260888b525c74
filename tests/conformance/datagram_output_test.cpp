// SPDX-License-Identifier: MIT
// Datagrams that are sent, those that cannot be sent, and callbacks that destroy or throw.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>

#include <rondo/datagram.h>
#include <rondo/timer.h>

#include "support/allocation_counter.h"
#include "support/datagram_fixture.h"

namespace rondo {
namespace {

using test::bytes_of;

class DatagramOutputTest : public test::DatagramFixture {
 protected:
  /// A loopback address at which no socket receives.
  Endpoint closed_port() {
    const DatagramSocket gone = bound(here);
    return gone.local_endpoint().value();
  }
};
RONDO_ON_EVERY_BACKEND(DatagramOutputTest);

TEST_P(DatagramOutputTest, LeaveTogetherBeforeTheNextWait) {
  DatagramSocket server = bound(there);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  for (int i = 0; i < 3; ++i) client.send(bytes_of("x"));
  EXPECT_EQ(net.calls("send"), 0);
  EXPECT_EQ(client.unsent_bytes(), 3U);
  run_until_received(there, 3);
  EXPECT_EQ(net.calls("send"), 1);
  EXPECT_EQ(client.unsent_bytes(), 0U);
}

TEST_P(DatagramOutputTest, LeaveRightAfterTheCallbackTheyAreSentFrom) {
  DatagramSocket server = bound(there);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  for (int i = 0; i < 64; ++i) client.send(bytes_of("x"));
  std::vector<int> sends_before;
  there.then = [&](DatagramSocket& socket, std::span<const Datagram> received) {
    sends_before.push_back(net.calls("send"));
    test::echo(socket, received);
    EXPECT_EQ(net.calls("send"), sends_before.back());
  };
  run_until_received(there, 64);
  EXPECT_EQ(sends_before, (std::vector{2, 3}));  // after the client's two calls
}

TEST_P(DatagramOutputTest, WaitUntilTheKernelTakesThem) {
  constexpr std::size_t count = 500;  // more than a Unix socket's peer may keep unread
  auto [a, b] = adopted_pair(SocketType::datagram, here, there);
  b.pause();
  std::string wanted;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string text = std::to_string(i);
    EXPECT_TRUE(a.send(bytes_of(text)));
    wanted += text + ' ';
  }
  test::run_turns(reactor, 5);
  EXPECT_GT(a.unsent_bytes(), 0U);
  // It does not try in every turn. A poller may be wrong now and then, so there are five rounds.
  int tries = 2;
  for (int round = 0; round < 5 && tries > 1; ++round) {
    const int sends = net.calls("send");
    test::run_turns(reactor, 20);
    tries = net.calls("send") - sends;
  }
  EXPECT_LE(tries, 1);
  b.resume();
  run_until_received(there, count);
  EXPECT_EQ(there.texts(), wanted);
  EXPECT_EQ(a.unsent_bytes(), 0U);
  EXPECT_EQ(a.counters().sent, count);
  EXPECT_EQ(a.counters().dropped, 0U);
}

TEST_P(DatagramOutputTest, AreRetriedWhereTheKernelWronglyReportsWritable) {
  const auto name = Endpoint::parse("unix:@rondo-datagram-full-" + std::to_string(::getpid()));
  if (!name) GTEST_SKIP() << "no abstract names";
  constexpr std::size_t count = 200;
  DatagramSocket server = bound(there, {}, *name);
  auto sockets = Socket::pair(net, SocketType::datagram).value();
  DatagramSocket client = bound(here, {}, *Endpoint::parse(name->to_string() + "-client"));
  server.pause();
  for (std::size_t i = 0; i < count; ++i) client.send(bytes_of("x"), *name);
  test::run_turns(reactor, 5);
  EXPECT_GT(client.unsent_bytes(), 0U);
  const int sends = net.calls("send");
  const TimePoint before = Clock::now();
  test::run_turns(reactor, 1000);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - before).count();
  EXPECT_LE(net.calls("send") - sends, milliseconds + 2);
  server.resume();
  run_until_received(there, count);
}

TEST_P(DatagramOutputTest, AreDroppedAtOnceWithoutKeepUnsent) {
  auto [a, b] = adopted_pair(SocketType::datagram, here, there, {.keep_unsent = false});
  b.pause();
  for (int i = 0; i < 500; ++i) a.send(bytes_of("x"));
  test::run_turns(reactor, 3);
  EXPECT_EQ(a.unsent_bytes(), 0U);
  EXPECT_EQ(a.counters().sent + a.counters().dropped, 500U);
  EXPECT_GT(a.counters().dropped, 0U);
  b.resume();
  run_until_received(there, a.counters().sent);
}

TEST_P(DatagramOutputTest, AreBounded) {
  DatagramSocket server = bound(there);
  DatagramSocket client =
      connected(here, server.local_endpoint().value(), {.write_buffer_max = 1000});
  EXPECT_FALSE(client.send(bytes_of(std::string(1001, 'x'))));
  EXPECT_TRUE(client.send(bytes_of(std::string(1000, 'x'))));
  net.fail("send", EAGAIN);
  EXPECT_FALSE(client.send(bytes_of("")));
  EXPECT_FALSE(client.send(bytes_of(""))) << "until the system reports that it takes more";
  EXPECT_EQ(client.counters().overflowed, 3U);
  run_until_received(there, 1);
  EXPECT_TRUE(client.send(bytes_of(std::string(1000 - 160, 'x'))));
  EXPECT_TRUE(client.send(bytes_of("")));
  net.fail("send", EAGAIN);
  EXPECT_FALSE(client.send(bytes_of("")));
  run_until_received(there, 3);
  EXPECT_EQ(client.counters().overflowed, 4U);
}

TEST_P(DatagramOutputTest, MayBeUnlimitedOrForbidden) {
  DatagramSocket server = bound(there);
  const Endpoint to = server.local_endpoint().value();
  DatagramSocket socket = bound(here, {.write_buffer_max = unlimited});
  const std::string large(60'000, 'x');
  constexpr std::size_t count = 50;  // more than the default limit
  for (std::size_t i = 0; i < count; ++i) EXPECT_TRUE(socket.send(bytes_of(large), to));
  EXPECT_EQ(socket.unsent_bytes(), count * large.size());
  DatagramSocket forbidden = bound(here, {.write_buffer_max = 0});
  EXPECT_FALSE(forbidden.send(bytes_of("x"), to));
  EXPECT_EQ(forbidden.counters().overflowed, 1U);
}

TEST_P(DatagramOutputTest, RefusedByTheKernelAreReportedAndTheNextOnesAreSent) {
  DatagramSocket server = bound(there);
  DatagramSocket client = bound(here);
  const Endpoint to = server.local_endpoint().value();
  for (const char* text : {"a", "b", "c"}) client.send(bytes_of(text), to);
  net.fail("send", ENOBUFS, 2);
  run_until_received(there, 1);
  EXPECT_EQ(there.texts(), "c ");
  EXPECT_EQ(here.errors.size(), 2U);
  EXPECT_EQ(here.errors[0], std::errc::no_buffer_space);
  EXPECT_EQ(here.failed_to[0], to.to_string());
  EXPECT_EQ(client.counters().dropped, 2U);
  EXPECT_EQ(client.counters().errors, 2U);
}

TEST_P(DatagramOutputTest, ToAClosedPortAreReportedAndTheSocketGoesOn) {
  DatagramSocket client = connected(here, closed_port());
  client.send(bytes_of("x"));
  run([&] { return !here.errors.empty(); });
  EXPECT_EQ(here.errors[0], std::errc::connection_refused);
  EXPECT_EQ(here.failed_to[0], "");
  test::run_turns(reactor, 5);
  EXPECT_EQ(here.errors.size(), 1U);
  DatagramSocket server = bound(there);
  EXPECT_TRUE(client.connect_to(server.local_endpoint().value()));
  client.send(bytes_of("you"));
  run_until_received(there, 1);
}

TEST_P(DatagramOutputTest, AreNotLostToTheErrorOfAnEarlierOne) {
  DatagramSocket server = bound(there);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  client.send(bytes_of("x"));
  net.fail("send", ECONNREFUSED);
  run_until_received(there, 1);
  EXPECT_EQ(here.errors.size(), 1U);
  EXPECT_EQ(client.counters().dropped, 0U);
}

TEST_P(DatagramOutputTest, LeaveAsOneMessageWithSendOffload) {
  DatagramSocket server = bound(there);
  DatagramSocket client = bound(here, {.send_offload = true});
  if (!client.unapplied().empty()) GTEST_SKIP() << client.unapplied()[0].error.message();
  const Endpoint to = server.local_endpoint().value();
  for (int i = 0; i < 100; ++i) client.send(bytes_of("xyz"), to);
  run_until_received(there, 100);
  EXPECT_EQ(net.calls("send"), 1);  // 64 and 36, where a call takes 32 messages
  EXPECT_EQ(client.counters().sent, 100U);
}

TEST_P(DatagramOutputTest, GoOneByOneWhereSegmentsAreRefused) {
  DatagramSocket server = bound(there);
  DatagramSocket client = bound(here, {.send_offload = true});
  if (!client.unapplied().empty()) GTEST_SKIP() << client.unapplied()[0].error.message();
  const Endpoint to = server.local_endpoint().value();
  for (int i = 0; i < 10; ++i) client.send(bytes_of(std::to_string(i)), to);
  net.fail("send", EIO);
  run_until_received(there, 10);
  EXPECT_EQ(there.texts(), "0 1 2 3 4 5 6 7 8 9 ");
  EXPECT_TRUE(here.errors.empty());
  EXPECT_EQ(client.counters().sent, 10U);
  for (int i = 0; i < 10; ++i) client.send(bytes_of(std::to_string(i)), to);
  run_until_received(there, 20);
}

TEST_P(DatagramOutputTest, LeaveWhenTheSocketIsDestroyed) {
  DatagramSocket server = bound(there);
  {
    DatagramSocket client = bound(here);
    client.send(bytes_of("goodbye"), server.local_endpoint().value());
  }
  run_until_received(there, 1);
}

TEST_P(DatagramOutputTest, LeaveEvenIfTheHandlerThrows) {
  DatagramSocket server = bound(there);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  there.then = [](DatagramSocket& socket, std::span<const Datagram> received) {
    test::echo(socket, received);
    throw std::runtime_error{"on purpose"};
  };
  client.send(bytes_of("x"));
  EXPECT_THROW(run([] { return false; }), std::runtime_error);
  run_until_received(here, 1);
}

TEST_P(DatagramOutputTest, AllowTheirSocketToBeDestroyedInAnyCallback) {
  DatagramSocket server = bound(there);
  const Endpoint to = server.local_endpoint().value();
  std::optional<DatagramSocket> client;
  const auto destroy = [&](DatagramSocket&) { client.reset(); };

  client = bound(here);
  here.then = [&](DatagramSocket& socket, std::span<const Datagram> received) {
    socket.reply(received[0], bytes_of("bye"));
    client.reset();
    EXPECT_EQ(test::text_of(received[0].data), "x");  // lent until the return
  };
  server.send(bytes_of("x"), client->local_endpoint().value());
  run_until_received(there, 1);
  EXPECT_FALSE(client);

  here = {};
  here.then_on_error = destroy;
  client = connected(here, closed_port());
  client->send(bytes_of("x"));
  run([&] { return !client; });

  client = bound(here);
  for (int i = 0; i < 3; ++i) client->send(bytes_of("y"), to);
  net.fail("send", EPERM);
  run([&] { return !client; });
  EXPECT_EQ(here.errors.size(), 2U);

  here.then_on_end = destroy;
  auto pair = adopted_pair(SocketType::seqpacket, here, there);
  client = std::move(pair.first);
  {
    const DatagramSocket gone = std::move(pair.second);
  }
  run([&] { return !client; });
  EXPECT_EQ(here.ends, 1);
}

TEST_P(DatagramOutputTest, MayBeMovedFromAndTo) {
  DatagramSocket server = bound(there);
  const DatagramSocket* called_with = nullptr;
  there.then = [&](DatagramSocket& socket, std::span<const Datagram>) { called_with = &socket; };
  DatagramSocket client = connected(here, server.local_endpoint().value());
  client.send(bytes_of("x"));
  DatagramSocket moved = std::move(server);
  run_until_received(there, 1);
  EXPECT_EQ(called_with, &moved);
  server = std::move(moved);
  client.send(bytes_of("y"));
  run_until_received(there, 2);
  EXPECT_EQ(called_with, &server);
}

TEST_P(DatagramOutputTest, EndReadingByAnErrorThatLasts) {
  DatagramSocket server = bound(there);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  client.pause();  // the injected failures are for the server
  net.fail("receive", EINVAL, 1);
  client.send(bytes_of("x"));
  run([&] { return !there.errors.empty(); });
  test::run_turns(reactor, 5);
  EXPECT_EQ(there.errors.size(), 1U);
  EXPECT_TRUE(there.datagrams.empty());
  server.resume();
  run_until_received(there, 1);
}

TEST_P(DatagramOutputTest, DoNotSpinWithoutMemory) {
  DatagramSocket server = bound(there);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  client.pause();  // the injected failures are for the server
  net.fail("receive", ENOMEM, 3);
  client.send(bytes_of("x"));
  run_until_received(there, 1);
  EXPECT_EQ(there.errors.size(), 3U);
  net.fail("receive", EHOSTUNREACH, 64);
  client.send(bytes_of("y"));
  run_until_received(there, 2);
  EXPECT_EQ(there.errors.size(), 67U);
}

TEST_P(DatagramOutputTest, StayPausedWhenTheRestAfterAnErrorEnds) {
  DatagramSocket server = bound(there);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  client.pause();  // the injected failure is for the server
  net.fail("receive", ENOMEM, 1);
  there.then_on_error = [](DatagramSocket& socket) { socket.pause(); };
  client.send(bytes_of("x"));
  run([&] { return there.errors.size() == 1; });
  bool has_rested = false;
  Timer longer{reactor, [&] { has_rested = true; }};
  longer.arm_after(std::chrono::milliseconds{15});
  run([&] { return has_rested; });
  EXPECT_TRUE(there.datagrams.empty());
  server.resume();
  run_until_received(there, 1);
}

TEST_P(DatagramOutputTest, EndOnceEvenIfOnEndThrows) {
  auto [a, b] = adopted_pair(SocketType::seqpacket, here, there);
  there.then_on_end = [](DatagramSocket&) { throw std::runtime_error{"on purpose"}; };
  {
    const DatagramSocket gone = std::move(a);
  }
  EXPECT_THROW(run([] { return false; }), std::runtime_error);
  const int receives = net.calls("receive");
  test::run_turns(reactor, 5);
  EXPECT_EQ(there.ends, 1);
  EXPECT_EQ(net.calls("receive"), receives);  // it does not spin
}

TEST_P(DatagramOutputTest, AllocateNothingInTheSteadyState) {
  RONDO_NEEDS(no_memory);
  there.then = test::echo;
  DatagramSocket server = bound(there);
  struct Pinger final : DatagramHandler {
    void on_datagrams(DatagramSocket& socket, std::span<const Datagram> received) override {
      for (const Datagram& one : received) socket.reply(one, one.data);
      count += received.size();
    }
    std::size_t count = 0;
  } a;
  Pinger b;
  DatagramSocket first = bound(a);
  DatagramSocket second = bound(b);
  for (int i = 0; i < 8; ++i) first.send(bytes_of("ball"), second.local_endpoint().value());
  run([&] { return a.count > 100; });
  const std::size_t before = test::allocations();
  run([&] { return a.count > 1000; });
  EXPECT_EQ(test::allocations(), before);
}

}  // namespace
}  // namespace rondo
