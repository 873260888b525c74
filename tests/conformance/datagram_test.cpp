// SPDX-License-Identifier: MIT
// Datagrams that arrive: whole, in order, once, and with what is known about them.
#include <gtest/gtest.h>
#include <net/if.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <numeric>
#include <string>

#include <rondo/datagram.h>
#include <rondo/descriptors.h>
#include <rondo/socket.h>

#include "support/datagram_fixture.h"
#include "support/kernel.h"

namespace rondo {
namespace {

using test::bytes_of;

class DatagramTest : public test::DatagramFixture {};
RONDO_ON_EVERY_BACKEND(DatagramTest);

TEST_P(DatagramTest, GoThereAndBack) {
  for (const AddressFamily family : {AddressFamily::ipv4, AddressFamily::ipv6}) {
    here = {};
    there = {};
    there.then = test::echo;
    auto server = DatagramSocket::make(reactor, Endpoint::loopback(0, family), there);
    if (!server) continue;  // no IPv6 here
    DatagramSocket client = bound(here, {}, Endpoint::any(0, family));
    EXPECT_TRUE(client.send(bytes_of("hello"), server->local_endpoint().value()));
    run_until_received(here, 1);
    EXPECT_EQ(here.datagrams[0].data, "hello");
    EXPECT_EQ(here.datagrams[0].from, server->local_endpoint().value());
    EXPECT_EQ(here.datagrams[0].size, 5U);
    EXPECT_FALSE(here.datagrams[0].truncated);
    EXPECT_EQ(there.datagrams[0].from.port(), client.local_endpoint()->port());
    EXPECT_EQ(client.counters().sent, 1U);
    EXPECT_EQ(client.counters().sent_bytes, 5U);
    EXPECT_EQ(server->counters().received, 1U);
    EXPECT_EQ(server->counters().received_bytes, 5U);
    EXPECT_TRUE(server->unapplied().empty());
  }
}

TEST_P(DatagramTest, OfZeroBytesAreDelivered) {
  there.then = test::echo;
  DatagramSocket server = bound(there);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  for (const std::string_view text : {"", "a", ""}) client.send(bytes_of(text));
  run_until_received(here, 3);
  EXPECT_EQ(here.texts(), " a  ");
}

TEST_P(DatagramTest, UpToTheLargestAreWhole) {
  there.then = test::echo;
  DatagramSocket server = bound(there);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  const std::string largest(65'507, 'x');
  client.send(bytes_of(largest));
  run_until_received(here, 1);
  EXPECT_EQ(here.datagrams[0].data, largest);
  const std::string too_large(65'508, 'x');
  client.send(bytes_of(too_large));
  run([&] { return !here.errors.empty(); });
  EXPECT_EQ(here.errors[0], std::errc::message_size);
  EXPECT_EQ(client.counters().dropped, 1U);
}

TEST_P(DatagramTest, LargerThanTheLimitAreTruncatedAndReportTheirSize) {
  DatagramSocket server = bound(there, {.datagram_size_max = 4});
  DatagramSocket client = bound(here);
  for (const std::string_view text : {"abc", "abcd", "abcde"}) {
    client.send(bytes_of(text), server.local_endpoint().value());
  }
  run_until_received(there, 3);
  EXPECT_EQ(there.texts(), "abc abcd abcd ");
  EXPECT_FALSE(there.datagrams[0].truncated);
  EXPECT_FALSE(there.datagrams[1].truncated);
  EXPECT_TRUE(there.datagrams[2].truncated);
  EXPECT_EQ(there.datagrams[1].size, 4U);
  EXPECT_EQ(there.datagrams[2].size, 5U);
  EXPECT_EQ(server.counters().truncated, 1U);
}

TEST_P(DatagramTest, ComeAndGoInBatches) {
  constexpr std::size_t count = 32;
  there.then = test::echo;
  DatagramSocket server = bound(there);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  std::string wanted;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string text = std::to_string(i);
    client.send(bytes_of(text));
    wanted += text + ' ';
  }
  run_until_received(here, count);
  EXPECT_EQ(there.texts(), wanted);
  EXPECT_EQ(here.texts(), wanted);
  EXPECT_EQ(there.batches, std::vector<std::size_t>{count});
  EXPECT_EQ(net.calls("send"), 2);  // the client's, the server's
}

TEST_P(DatagramTest, AreBoundedInATurn) {
  constexpr std::size_t count = 100;
  DatagramSocket server = bound(there, {.datagrams_per_turn_max = 40});
  DatagramSocket client = connected(here, server.local_endpoint().value());
  for (std::size_t i = 0; i < count; ++i) client.send(bytes_of("x"));
  std::vector<std::size_t> in_turns;
  run([&] {
    const std::size_t before = std::accumulate(in_turns.begin(), in_turns.end(), std::size_t{0});
    if (there.datagrams.size() > before) in_turns.push_back(there.datagrams.size() - before);
    return there.datagrams.size() >= count;
  });
  EXPECT_EQ(in_turns, (std::vector<std::size_t>{40, 40, 20}));
}

TEST_P(DatagramTest, ReportWhereTheyCameIn) {
  DatagramSocket server = bound(there, {.packet_info = true}, Endpoint::any(0));
  DatagramSocket client = bound(here, {.broadcast = true});
  const std::uint16_t port = server.local_endpoint()->port();
  there.then = test::echo;
  client.send(bytes_of("x"), Endpoint::parse("127.0.0.2:0")->with_port(port));
  run_until_received(there, 1);
  EXPECT_EQ(there.datagrams[0].info.local, Endpoint::parse("127.0.0.2:0").value());
  EXPECT_EQ(there.datagrams[0].info.interface, ::if_nametoindex("lo"));
  EXPECT_TRUE(there.datagrams[0].info.unicast);
  run_until_received(here, 1);  // the reply comes from there
  EXPECT_EQ(here.datagrams[0].from, Endpoint::parse("127.0.0.2:0")->with_port(port));
  client.send(bytes_of("all"), Endpoint::parse("127.255.255.255:0")->with_port(port));
  run_until_received(there, 2);
  EXPECT_EQ(there.datagrams[1].info.local, Endpoint::parse("127.255.255.255:0").value());
  EXPECT_FALSE(there.datagrams[1].info.unicast);
  run_until_received(here, 2);
}

TEST_P(DatagramTest, ReportWhereTheyCameInByIpv6) {
  auto made = DatagramSocket::make(reactor, Endpoint::any(0, AddressFamily::ipv6), there,
                                   {.socket = {.dual_stack = true}, .packet_info = true});
  if (!made) GTEST_SKIP() << made.error().message();
  there.then = test::echo;
  const std::uint16_t port = made->local_endpoint()->port();
  DatagramSocket client = bound(here, {}, Endpoint::any(0, AddressFamily::ipv6));
  client.send(bytes_of("six"), Endpoint::loopback(port, AddressFamily::ipv6));
  run_until_received(here, 1);
  EXPECT_EQ(there.datagrams[0].info.local, Endpoint::loopback(0, AddressFamily::ipv6));
  EXPECT_TRUE(there.datagrams[0].info.unicast);
  test::KeepingHandler old;
  DatagramSocket client4 = bound(old);
  client4.send(bytes_of("four"), Endpoint::loopback(port));
  run_until_received(old, 1);
  EXPECT_EQ(old.datagrams[0].from, Endpoint::loopback(port));
  EXPECT_EQ(there.datagrams[1].info.local, Endpoint::parse("[::ffff:127.0.0.1]:0").value());
}

TEST_P(DatagramTest, NeedAnOptionForBroadcast) {
  DatagramSocket server = bound(there, {}, Endpoint::any(0));
  DatagramSocket client = bound(here);
  const Endpoint all =
      Endpoint::parse("127.255.255.255:0")->with_port(server.local_endpoint()->port());
  client.send(bytes_of("x"), all);
  run([&] { return !here.errors.empty(); });
  EXPECT_EQ(here.errors[0], std::errc::permission_denied);
  EXPECT_EQ(here.failed_to[0], all.to_string());
}

TEST_P(DatagramTest, ComeFromGroups) {
  for (const char* const address : {"239.255.77.77:0", "[ff15::7777]:0"}) {
    SCOPED_TRACE(address);
    const Endpoint group = Endpoint::parse(address).value();
    const std::uint32_t interface = test::kernel().group_interface(group.family());
    if (interface == 0) continue;
    there = {};
    const Endpoint any = Endpoint::any(0, group.family());
    DatagramSocket server = bound(there, {.packet_info = true}, any);
    // The datagrams do not leave this host.
    DatagramSocket client = bound(
        here, {.multicast_ttl = 0, .multicast_loop = true, .multicast_interface = interface}, any);
    EXPECT_TRUE(client.unapplied().empty());
    ASSERT_TRUE(server.join(group, interface));
    EXPECT_EQ(server.join(group, interface).error().message(),
              "join " + group.to_string() + ": Address already in use");
    client.send(bytes_of("members"), group.with_port(server.local_endpoint()->port()));
    run_until_received(there, 1);
    ASSERT_EQ(there.texts(), "members ");
    EXPECT_EQ(there.datagrams[0].info.local, group);
    EXPECT_FALSE(there.datagrams[0].info.unicast);
    EXPECT_EQ(there.datagrams[0].info.interface, interface);
    EXPECT_TRUE(server.leave(group, interface));
    EXPECT_EQ(server.leave(group, interface).error(), std::errc::address_not_available);
    EXPECT_EQ(server.join(any).error(), std::errc::invalid_argument);
    EXPECT_FALSE(server.join(Endpoint::parse("unix:@x").value()));
  }
}

TEST_P(DatagramTest, OfAReceiveOffloadAreSplit) {
  const DatagramOptions offload{.receive_offload = true, .send_offload = true};
  DatagramSocket server = bound(there, offload);
  DatagramSocket client = connected(here, server.local_endpoint().value(), offload);
  if (!server.unapplied().empty()) GTEST_SKIP() << server.unapplied()[0].error.message();
  std::string wanted;
  constexpr std::size_t sizes[] = {300, 300, 300, 7, 300, 0, 300, 301, 65'507, 1, 1};
  for (const std::size_t size : sizes) {
    const std::string text(size, static_cast<char>('a' + size % 23));
    client.send(bytes_of(text));
    wanted += text + ' ';
  }
  run_until_received(there, 11);
  EXPECT_EQ(there.texts(), wanted);
  EXPECT_EQ(there.datagrams[3].size, 7U);
  EXPECT_EQ(client.counters().sent, 11U);
  EXPECT_EQ(server.counters().received, 11U);
}

TEST_P(DatagramTest, OfTheUnixFamilyHaveNames) {
  const auto name = [](const char* end) {
    return Endpoint::parse("unix:@rondo-datagram-" + std::to_string(::getpid()) + end);
  };
  if (!name("a")) GTEST_SKIP() << "no abstract names";
  there.then = test::echo;
  DatagramSocket server = bound(there, {}, *name("server"));
  DatagramSocket client = bound(here, {}, *name("client"));
  client.send(bytes_of("hello"), *name("server"));
  run_until_received(here, 1);
  EXPECT_EQ(here.datagrams[0].from, *name("server"));
  DatagramSocket nameless = connected(here, *name("server"));
  nameless.send(bytes_of("no answer"));
  run([&] { return !there.errors.empty(); });  // from the reply to a sender without a name
  EXPECT_EQ(there.datagrams[1].from.to_string(), "unix:");
}

TEST_P(DatagramTest, OfAPairFollowOneAnother) {
  for (const SocketType type : {SocketType::datagram, SocketType::seqpacket}) {
    here = {};
    there = {};
    there.then = [](DatagramSocket& socket, std::span<const Datagram> received) {
      for (const Datagram& one : received) socket.send(one.data);
    };
    auto [a, b] = adopted_pair(type, here, there);
    a.send(bytes_of("one"));
    a.send(bytes_of("two"));
    run_until_received(here, 2);
    EXPECT_EQ(here.texts(), "one two ");
  }
}

TEST_P(DatagramTest, CloseDescriptorsThatComeWithThem) {
  auto pair = Socket::pair(net, SocketType::datagram).value();
  const std::array<int, 40> passed = [fd = pair[1].fd()] {
    std::array<int, 40> all;
    all.fill(fd);
    return all;
  }();
  auto made = DatagramSocket::adopt(reactor, std::move(pair[0]), there);
  ASSERT_TRUE(made);
  const std::size_t before = test::kernel().descriptors().size();
  for (const std::size_t count : {std::size_t{1}, passed.size()}) {
    ASSERT_TRUE(send_descriptors(pair[1], bytes_of("take"), std::span{passed}.first(count)));
  }
  run_until_received(there, 2);
  EXPECT_EQ(there.texts(), "take take ");
  EXPECT_EQ(test::kernel().descriptors().size(), before);
}

TEST_P(DatagramTest, OfSeqpacketHaveAnEnd) {
  auto [a, b] = adopted_pair(SocketType::seqpacket, here, there);
  a.send(bytes_of("last"));
  {
    const DatagramSocket gone = std::move(a);
  }
  run([&] { return there.ends > 0; });
  EXPECT_EQ(there.texts(), "last ");
  test::run_turns(reactor, 5);
  EXPECT_EQ(there.ends, 1);
  EXPECT_TRUE(there.errors.empty());
  b.send(bytes_of("too late"));
  run([&] { return !there.errors.empty(); });
  EXPECT_EQ(there.errors[0], std::errc::broken_pipe);
}

TEST_P(DatagramTest, WaitWhilePaused) {
  DatagramSocket server = bound(there);
  DatagramSocket client = connected(here, server.local_endpoint().value());
  server.pause();
  client.send(bytes_of("x"));
  test::run_turns(reactor, 10);
  EXPECT_TRUE(there.datagrams.empty());
  server.resume();
  run_until_received(there, 1);
}

TEST_P(DatagramTest, DoNotKeepTheLoopRunningWhenUnreferenced) {
  DatagramSocket server = bound(there);
  server.unref();
  EXPECT_TRUE(reactor.run());
  server.ref();
  EXPECT_TRUE(reactor.alive());
}

TEST_P(DatagramTest, NameWhereTheyCouldNotBindOrConnect) {
  DatagramSocket server = bound(there);
  const Endpoint taken = server.local_endpoint().value();
  EXPECT_EQ(DatagramSocket::make(reactor, taken, here).error().message(),
            "bind to " + taken.to_string() + ": Address already in use");
  EXPECT_EQ(DatagramSocket::connect(reactor, Endpoint::parse("unix:/no/such").value(), here)
                .error()
                .message(),
            "connect to unix:/no/such: No such file or directory");
  net.fail("socket", EMFILE);
  EXPECT_EQ(DatagramSocket::make(reactor, taken, here).error(), std::errc::too_many_files_open);
  net.fail("set", ENOPROTOOPT, 9);
  DatagramSocket plain = bound(here, {.broadcast = true,
                                      .ttl = 5,
                                      .multicast_ttl = 5,
                                      .multicast_loop = false,
                                      .multicast_interface = 1,
                                      .packet_info = true,
                                      .receive_offload = true});
  EXPECT_EQ(plain.unapplied().size(), 7U);
  EXPECT_EQ(plain.unapplied()[0].error.message(),
            "set broadcast on 127.0.0.1:0: Protocol not available");
}

TEST_P(DatagramTest, HaveTheRequestedTtl) {
  DatagramSocket socket = bound(here, {.ttl = 9});
  EXPECT_EQ(socket.socket().get(SocketOption::ttl).value(), 9);
}

}  // namespace
}  // namespace rondo
