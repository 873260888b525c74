// SPDX-License-Identifier: MIT
// Datagrams: text, the peer that a socket gets and loses, groups by source, and adopted sockets.
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include <rondo/datagram.h>

#include "support/datagram_fixture.h"
#include "support/descriptors.h"

namespace rondo {
namespace {

using test::bytes_of;

class DatagramPeers : public test::DatagramFixture {};
RONDO_ON_EVERY_BACKEND(DatagramPeers);

TEST_P(DatagramPeers, ExchangeText) {
  there.then = [](DatagramSocket& socket, std::span<const Datagram> received) {
    for (const Datagram& one : received)
      socket.reply(one, std::string{"you said "}.append(one.text()));
  };
  DatagramSocket server = bound(there);
  DatagramSocket client = bound(here);
  client.send("hello", server.local_endpoint().value());
  run_until_received(here, 1);
  ASSERT_TRUE(client.connect_to(server.local_endpoint().value()));
  client.send("again");
  run_until_received(here, 2);
  EXPECT_EQ(here.texts(), "you said hello you said again ");
  EXPECT_EQ((Datagram{{}, {}, {}, false, 0}.text()), "");
}

TEST_P(DatagramPeers, ReceiveFromAllAgainAfterDisconnect) {
  DatagramSocket server = bound(there);
  test::KeepingHandler stranger;
  DatagramSocket other = bound(stranger);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  const Endpoint local = client.local_endpoint().value();
  ASSERT_TRUE(client.disconnect());
  EXPECT_EQ(client.local_endpoint()->port(), local.port()) << "it keeps its port";
  other.send("from another", Endpoint::loopback(local.port()));
  run_until_received(here, 1);
  client.send("to another", other.local_endpoint().value());
  run_until_received(stranger, 1);
  EXPECT_EQ(stranger.datagrams[0].from.port(), local.port());
  client.send("to whom");
  run([&] { return !here.errors.empty(); });
  ASSERT_TRUE(client.connect_to(server.local_endpoint().value()));
  client.send("to the server again");
  run_until_received(there, 1);
}

TEST_P(DatagramPeers, KeepTheAddressThatTheyWereBoundToAfterDisconnect) {
  DatagramSocket server = bound(there);
  for (const Endpoint& local : {Endpoint::loopback(0), Endpoint::any(0)}) {
    DatagramSocket client = bound(here, {}, local);
    const Endpoint before = client.local_endpoint().value();
    ASSERT_TRUE(client.connect_to(server.local_endpoint().value()));
    ASSERT_TRUE(client.disconnect());
    EXPECT_EQ(client.local_endpoint().value(), before);
    ASSERT_TRUE(client.disconnect()) << "a second time changes nothing";
    EXPECT_EQ(client.local_endpoint().value(), before);
  }
}

// What waits to be sent goes to the peer that it was sent to, not to the next one.
TEST_P(DatagramPeers, GetWhatWasSentToThemBeforeTheNextOne) {
  DatagramSocket server = bound(there);
  test::KeepingHandler next;
  DatagramSocket second = bound(next);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  client.send("first");
  ASSERT_TRUE(client.connect_to(second.local_endpoint().value()));
  client.send("second");
  ASSERT_TRUE(client.disconnect());
  run_until_received(there, 1);
  run_until_received(next, 1);
  EXPECT_EQ(there.texts() + next.texts(), "first second ");
  EXPECT_TRUE(here.errors.empty());
}

// Nothing is left of the flush that was scheduled: the next send schedules its own.
TEST_P(DatagramPeers, GetWhatIsSentTurnsAfterThatToo) {
  DatagramSocket server = bound(there);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  client.send("first");
  ASSERT_TRUE(client.connect_to(server.local_endpoint().value()));
  test::run_turns(reactor, 3);
  client.send("second");
  run_until_received(there, 2);
  EXPECT_EQ(client.counters().sent, 2U);
}

TEST_P(DatagramPeers, OfTheUnixFamilyAreForgottenToo) {
  const auto name = [](const char* end) {
    return Endpoint::parse("unix:@rondo-peer-" + std::to_string(::getpid()) + end);
  };
  if (!name("a")) GTEST_SKIP() << "no abstract names";
  DatagramSocket server = bound(there, {}, *name("server"));
  DatagramSocket client = connected(here, *name("server"));
  ASSERT_TRUE(client.disconnect());
  client.send("to whom");
  run([&] { return !here.errors.empty(); });
  client.send("by name", *name("server"));
  run_until_received(there, 1);
  auto pair = adopted_pair(SocketType::seqpacket, here, there);
  EXPECT_FALSE(pair.first.disconnect());
}

TEST_P(DatagramPeers, OfAGroupMayBeChosen) {
  for (const char* const address : {"239.255.77.78:0", "[ff15::7778]:0"}) {
    SCOPED_TRACE(address);
    const Endpoint group = Endpoint::parse(address).value();
    const std::uint32_t interface = test::kernel().group_interface(group.family());
    if (interface == 0) continue;
    there = {};
    const Endpoint any = Endpoint::any(0, group.family());
    DatagramSocket server = bound(there, {.packet_info = true}, any);
    DatagramSocket client = bound(
        here, {.multicast_ttl = 0, .multicast_loop = true, .multicast_interface = interface}, any);
    const Endpoint to = group.with_port(server.local_endpoint()->port());
    // From which address this host sends is known when one of its datagrams has arrived.
    ASSERT_TRUE(server.join(group, interface));
    client.send("who am I", to);
    run_until_received(there, 1);
    ASSERT_TRUE(server.leave(group, interface));
    const Endpoint us = there.datagrams[0].from.with_port(0);
    const Endpoint stranger =
        Endpoint::parse(group.family() == AddressFamily::ipv4 ? "192.0.2.1:0" : "[2001:db8::1]:0")
            .value();

    ASSERT_TRUE(server.join_source(group, stranger, interface));
    client.send("not wanted", to);
    test::run_turns(reactor, 5);
    ASSERT_TRUE(server.join_source(group, us, interface));
    EXPECT_EQ(server.join_source(group, us, interface).error().message(),
              "join source " + us.to_string() + " of " + group.to_string() +
                  ": Cannot assign requested address");
    client.send("wanted", to);
    run_until_received(there, 2);
    EXPECT_EQ(there.datagrams[1].data, "wanted");
    EXPECT_TRUE(server.leave_source(group, us, interface));
    EXPECT_EQ(server.leave_source(group, us, interface).error(), std::errc::address_not_available);
    EXPECT_TRUE(server.leave_source(group, stranger, interface));
    EXPECT_EQ(server.leave_source(group, stranger, interface).error(), std::errc::invalid_argument)
        << "nothing is left of the membership";
    EXPECT_EQ(server.join_source(any, us, interface).error(), std::errc::invalid_argument);
    EXPECT_FALSE(server.join_source(group, Endpoint::parse("unix:@x").value(), interface));
  }
}

TEST_P(DatagramPeers, ThatAreNoSocketsOfDatagramsAreRefused) {
  test::Listener listener = test::tcp_listener();
  const std::string where = "adopt 127.0.0.1:" + std::to_string(listener.port);
  const auto refused = DatagramSocket::adopt(reactor, Socket{net, listener.fd.release()}, here);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(),
            where + ": a stream socket, which Stream adopts: Socket type not supported");
  auto lonely = Socket::make(net, AddressFamily::unix_domain, SocketType::seqpacket).value();
  EXPECT_EQ(DatagramSocket::adopt(reactor, std::move(lonely), here).error(),
            std::errc::not_connected);
  test::Pipe pipe = test::make_pipe();
  EXPECT_EQ(DatagramSocket::adopt(reactor, Socket{net, pipe.reader.release()}, here).error(),
            std::errc::not_a_socket);
  EXPECT_EQ(DatagramSocket::adopt(reactor, Socket{net, -1}, here).error(),
            std::errc::bad_file_descriptor);
}

}  // namespace
}  // namespace rondo
