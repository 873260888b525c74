// SPDX-License-Identifier: MIT
// Sockets of all kinds, through Net.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>

#include <rondo/datagram.h>
#include <rondo/descriptors.h>
#include <rondo/endpoint.h>
#include <rondo/options.h>
#include <rondo/sim.h>
#include <rondo/socket.h>

#include "support/allocation_counter.h"

namespace rondo::sim {
namespace {

using namespace std::chrono_literals;

Endpoint at(std::string_view text) { return Endpoint::parse(text).value(); }

class Sockets : public testing::Test {
 protected:
  int udp(std::string_view local) {
    Net& net = local.starts_with("10.0.0.2") ? other.net() : here.net();
    const int fd = net.socket(AddressFamily::ipv4, SocketType::datagram);
    EXPECT_EQ(net.bind(fd, at(local)), 0);
    return fd;
  }
  static int send(Net& net, int fd, std::string text, Endpoint to) {
    MutableBytes part = std::as_writable_bytes(std::span{text});
    Message message{.address = &to, .parts = {&part, 1}};
    return net.send(fd, {&message, 1});
  }
  /// `text from address`, or the error.
  static std::string receive(Net& net, int fd, std::size_t room = 100) {
    std::string text(room, '\0');
    Endpoint from;
    MutableBytes part = std::as_writable_bytes(std::span{text});
    Message message{.address = &from, .parts = {&part, 1}};
    const int result = net.receive(fd, {&message, 1});
    if (result < 0) return std::to_string(result);
    return text.substr(0, message.size) + (message.truncated ? "..." : "") + " from " +
           from.to_string();
  }

  World world{1};
  Host& here = world.host("10.0.0.1");
  Host& other = world.host("10.0.0.2");
};

TEST_F(Sockets, DatagramsGoFromHostToHost) {
  const int from = udp("10.0.0.1:100");
  const int to = udp("10.0.0.2:200");
  EXPECT_EQ(send(here.net(), from, "hello", at("10.0.0.2:200")), 1);
  EXPECT_EQ(receive(other.net(), to), std::to_string(-EAGAIN));
  world.run_for(1s);
  EXPECT_EQ(receive(other.net(), to), "hello from 10.0.0.1:100");
  EXPECT_EQ(send(here.net(), from, "", at("10.0.0.2:200")), 1);
  EXPECT_EQ(send(here.net(), from, "too long", at("10.0.0.2:200")), 1);
  world.run_for(1s);
  EXPECT_EQ(receive(other.net(), to), " from 10.0.0.1:100") << "of 0 bytes";
  EXPECT_EQ(receive(other.net(), to, 3), "too... from 10.0.0.1:100");
  EXPECT_EQ(send(here.net(), from, std::string(65'508, 'x'), at("10.0.0.2:200")), -EMSGSIZE);
}

TEST_F(Sockets, LinkLosesAndDoublesDatagrams) {
  const int from = udp("10.0.0.1:100");
  const int to = udp("10.0.0.2:200");
  world.link("10.0.0.1", "10.0.0.2", {.loss = 1});
  EXPECT_EQ(send(here.net(), from, "lost", at("10.0.0.2:200")), 1);
  world.run_for(1s);
  EXPECT_EQ(receive(other.net(), to), std::to_string(-EAGAIN));
  world.link("10.0.0.1", "10.0.0.2", {.duplication = 1});
  EXPECT_EQ(send(here.net(), from, "twice", at("10.0.0.2:200")), 1);
  world.run_for(1s);
  EXPECT_EQ(receive(other.net(), to), "twice from 10.0.0.1:100");
  EXPECT_EQ(receive(other.net(), to), "twice from 10.0.0.1:100");
}

TEST_F(Sockets, LinkReordersDatagrams) {
  const int from = udp("10.0.0.1:100");
  const int to = udp("10.0.0.2:200");
  world.link("10.0.0.1", "10.0.0.2", {.reordering = 0.5});
  for (int i = 10; i < 60; ++i) send(here.net(), from, std::to_string(i), at("10.0.0.2:200"));
  world.run_for(1s);
  int overtaken = 0;
  for (int last = 0, i = 10; i < 60; ++i) {
    const int number = std::stoi(receive(other.net(), to));
    overtaken += number < last ? 1 : 0;
    last = number;
  }
  EXPECT_GT(overtaken, 0);
}

TEST_F(Sockets, GroupsReachTheirMembers) {
  const int from = udp("10.0.0.1:100");
  const int to = udp("10.0.0.2:200");
  const Endpoint group = at("239.1.2.3:200");
  EXPECT_EQ(other.net().bind(other.net().socket(AddressFamily::ipv4, SocketType::datagram),
                             at("0.0.0.0:200")),
            -EADDRINUSE);
  EXPECT_EQ(other.net().membership(to, group, 0, true), 0);
  EXPECT_EQ(other.net().membership(to, group, 0, true), -EADDRINUSE);
  EXPECT_EQ(send(here.net(), from, "all", group), 1);
  world.run_for(1s);
  EXPECT_EQ(receive(other.net(), to), "all from 10.0.0.1:100");
  EXPECT_EQ(other.net().membership(to, group, 0, false), 0);
  EXPECT_EQ(send(here.net(), from, "left", group), 1);
  world.run_for(1s);
  EXPECT_EQ(receive(other.net(), to), std::to_string(-EAGAIN));
  EXPECT_EQ(send(here.net(), from, "all", at("255.255.255.255:200")), -EACCES);
  EXPECT_EQ(here.net().set(from, SocketOption::broadcast, 1), 0);
  EXPECT_EQ(send(here.net(), from, "all", at("255.255.255.255:200")), 1);
  world.run_for(1s);
  EXPECT_EQ(receive(other.net(), to), "all from 10.0.0.1:100");
}

TEST_F(Sockets, GroupsReachTheirMembersBySource) {
  const int from = udp("10.0.0.1:100");
  const int to = udp("10.0.0.2:200");
  const Endpoint group = at("239.1.2.3:200");
  const auto join = [&](const char* source, bool member) {
    return other.net().source_membership(to, group, at(source), 0, member);
  };
  const auto arrived = [&] {
    EXPECT_EQ(send(here.net(), from, "all", group), 1);
    world.run_for(1s);
    return receive(other.net(), to) == "all from 10.0.0.1:100";
  };
  EXPECT_EQ(join("10.0.0.9:0", true), 0);
  EXPECT_FALSE(arrived());
  EXPECT_EQ(join("10.0.0.1:0", true), 0);
  EXPECT_EQ(join("10.0.0.1:0", true), -EADDRNOTAVAIL);
  EXPECT_EQ(other.net().membership(to, group, 0, true), -EADDRINUSE);
  EXPECT_TRUE(arrived());
  EXPECT_EQ(join("10.0.0.1:0", false), 0);
  EXPECT_EQ(join("10.0.0.1:0", false), -EADDRNOTAVAIL);
  EXPECT_FALSE(arrived());
  EXPECT_EQ(other.net().membership(to, group, 0, false), 0) << "for all sources";
  EXPECT_EQ(join("10.0.0.9:0", false), -EINVAL);
}

TEST_F(Sockets, BroadcastOfTheLoopbackStaysInItsHost) {
  const int from = udp("127.0.0.1:100");
  const int to = udp("0.0.0.0:200");
  const int elsewhere = other.net().socket(AddressFamily::ipv4, SocketType::datagram);
  EXPECT_EQ(other.net().bind(elsewhere, at("0.0.0.0:200")), 0);
  EXPECT_EQ(send(here.net(), from, "all", at("127.255.255.255:200")), -EACCES);
  EXPECT_EQ(here.net().set(from, SocketOption::broadcast, 1), 0);
  EXPECT_EQ(send(here.net(), from, "all", at("127.255.255.255:200")), 1);
  world.run_for(1s);
  EXPECT_EQ(receive(here.net(), to), "all from 127.0.0.1:100");
  EXPECT_EQ(receive(other.net(), elsewhere), std::to_string(-EAGAIN));
}

TEST_F(Sockets, WithAPortKeepTheirChoiceOfFamilies) {
  for (const SocketType type : {SocketType::stream, SocketType::datagram}) {
    const int fd = here.net().socket(AddressFamily::ipv6, type);
    EXPECT_EQ(here.net().set(fd, SocketOption::ipv6_only, 1), 0);
    EXPECT_EQ(here.net().bind(fd, Endpoint::any(0, AddressFamily::ipv6)), 0);
    EXPECT_EQ(here.net().set(fd, SocketOption::ipv6_only, 0), -EINVAL);
  }
}

TEST_F(Sockets, DescriptorsArePassed) {
  auto pair = Socket::pair(here.net(), SocketType::stream).value();
  auto passed = Socket::pair(here.net(), SocketType::stream).value();
  const int fd = passed[1].fd();
  EXPECT_EQ(send_descriptors(pair[0], std::as_bytes(std::span{"x", 1}), {&fd, 1}).value(), 1u);
  passed[1].close();
  std::array<std::byte, 10> room;
  auto received = receive_with_descriptors(pair[1], room);
  ASSERT_TRUE(received);
  ASSERT_EQ(received->descriptors.size(), 1u);
  EXPECT_EQ(passed[0].write(std::as_bytes(std::span{"hi", 2})).value(), 2u);
  EXPECT_EQ(received->descriptors[0].read(room).value(), 2u);
}

TEST_F(Sockets, DescriptorsThatAreNotReceivedAreClosed) {
  auto pair = Socket::pair(here.net(), SocketType::stream).value();
  auto passed = Socket::pair(here.net(), SocketType::stream).value();
  const int fd = passed[1].fd();
  ASSERT_TRUE(send_descriptors(pair[0], std::as_bytes(std::span{"x", 1}), {&fd, 1}));
  passed[1].close();
  std::array<std::byte, 10> room;
  EXPECT_EQ(pair[1].read(room).value(), 1u) << "without the descriptors";
  EXPECT_EQ(passed[0].read(room).value(), 0u) << "the other end is closed";
}

/// A cycle: only the socket itself holds the socket, or the two ends of a pipe hold each other.
TEST(WorldsEnd, TakesDescriptorsThatAreUnderWay) {
  const std::int64_t before = test::live_allocations();
  {
    World world{1};
    Host& host = world.host("10.0.0.1");
    auto pair = Socket::pair(host.net(), SocketType::stream).value();
    int pipe[2];
    ASSERT_EQ(host.pipe(pipe), 0);
    const std::array<int, 3> passed{pair[1].fd(), pipe[0], pipe[1]};
    ASSERT_TRUE(send_descriptors(pair[0], std::as_bytes(std::span{"x", 1}), passed));
    for (const int fd : pipe) EXPECT_EQ(host.net().close(fd), 0);
  }
  EXPECT_EQ(test::live_allocations(), before);
}

TEST_F(Sockets, UnixNamesAreOfTheirHost) {
  const Endpoint name = at("unix:/run/thing");
  auto listener = Socket::listen(here.net(), name);
  ASSERT_TRUE(listener);
  EXPECT_TRUE(Socket::connect(here.net(), name));
  EXPECT_EQ(Socket::connect(other.net(), name).error(), std::errc::no_such_file_or_directory);
  EXPECT_EQ(Socket::listen(here.net(), name).error(), std::errc::address_in_use);
  listener->close();
  EXPECT_TRUE(Socket::listen(here.net(), name)) << "a name is free after its socket was closed";
}

TEST_F(Sockets, RecordsKeepTheirBounds) {
  auto pair = Socket::pair(here.net(), SocketType::seqpacket).value();
  EXPECT_EQ(pair[0].write(std::as_bytes(std::span{"one", 3})).value(), 3u);
  EXPECT_EQ(pair[0].write(std::as_bytes(std::span{"two", 3})).value(), 3u);
  std::array<std::byte, 100> room;
  EXPECT_EQ(pair[1].read(room).value(), 3u);
  EXPECT_EQ(pair[1].read(std::span{room}.first(1)).value(), 1u) << "the rest of a record is lost";
  EXPECT_EQ(pair[1].read(room).error(), std::errc::operation_would_block);
}

TEST_F(Sockets, TcpConnectsToItself) {
  Net& net = here.net();
  const int fd = net.socket(AddressFamily::ipv4, SocketType::stream);
  ASSERT_EQ(net.bind(fd, at("127.0.0.1:4000")), 0);
  EXPECT_EQ(net.connect(fd, at("127.0.0.1:4000")), -EINPROGRESS);
  Endpoint peer;
  EXPECT_EQ(net.remote_endpoint(fd, peer), 0);
  EXPECT_EQ(peer, at("127.0.0.1:4000"));
}

TEST_F(Sockets, BacklogIsFinite) {
  Net& net = here.net();
  const int listener = net.socket(AddressFamily::ipv4, SocketType::stream);
  ASSERT_EQ(net.bind(listener, at("10.0.0.1:80")), 0);
  ASSERT_EQ(net.listen(listener, 1), 0);
  std::array<int, 3> clients{};
  for (int& fd : clients) {
    fd = other.net().socket(AddressFamily::ipv4, SocketType::stream);
    EXPECT_EQ(other.net().connect(fd, at("10.0.0.1:80")), -EINPROGRESS);
  }
  world.run_for(500ms);
  Endpoint peer;
  EXPECT_EQ(other.net().remote_endpoint(clients[1], peer), 0)
      << "one more than the backlog, as on Linux";
  EXPECT_EQ(other.net().remote_endpoint(clients[2], peer), -ENOTCONN);
  EXPECT_GE(net.accept(listener, nullptr), 0);
  world.run_for(1s);
  EXPECT_EQ(other.net().remote_endpoint(clients[2], peer), 0) << "its SYN was sent again";
}

TEST_F(Sockets, PortsAreSharedOnlyWithReusePort) {
  Net& net = here.net();
  const auto bound = [&](SocketOption option, bool listens) {
    const int fd = net.socket(AddressFamily::ipv4, SocketType::stream);
    EXPECT_EQ(net.set(fd, option, 1), 0);
    const int result = net.bind(fd, at("0.0.0.0:90"));
    if (result != 0) return result;
    return listens ? net.listen(fd, 1) : 0;
  };
  EXPECT_EQ(bound(SocketOption::reuse_port, true), 0);
  EXPECT_EQ(bound(SocketOption::reuse_port, true), 0);
  EXPECT_EQ(bound(SocketOption::reuse_address, true), -EADDRINUSE);
}

TEST_F(Sockets, DualStackListenerReportsMappedAddresses) {
  const auto accept_from_ipv4 = [&](int only_ipv6) {
    Net& net = here.net();
    const int listener = net.socket(AddressFamily::ipv6, SocketType::stream);
    EXPECT_EQ(net.set(listener, SocketOption::ipv6_only, only_ipv6), 0);
    EXPECT_EQ(net.bind(listener, at("[::]:80")), 0);
    EXPECT_EQ(net.listen(listener, 1), 0);
    const int fd = net.socket(AddressFamily::ipv4, SocketType::stream);
    EXPECT_EQ(net.connect(fd, at("127.0.0.1:80")), -EINPROGRESS);
    Endpoint peer;
    const int accepted = net.accept(listener, &peer);
    net.close(listener);
    return accepted < 0 ? std::to_string(accepted) : peer.host();
  };
  EXPECT_EQ(accept_from_ipv4(1), std::to_string(-EAGAIN));
  EXPECT_EQ(accept_from_ipv4(0), "::ffff:127.0.0.1");
}

TEST_F(Sockets, OptionsAreThoseOfLinux) {
  Net& net = here.net();
  const int fd = net.socket(AddressFamily::ipv4, SocketType::stream);
  int value = -1;
  EXPECT_EQ(net.set(fd, SocketOption::receive_buffer, 10'000), 0);
  EXPECT_EQ(net.get(fd, SocketOption::receive_buffer, value), 0);
  EXPECT_EQ(value, 20'000) << "the kernel books twice the size";
  EXPECT_EQ(net.set(fd, SocketOption::ipv6_only, 1), -ENOPROTOOPT);
  EXPECT_EQ(net.set(fd, SocketOption::keep_alive_count, 0), -EINVAL);
  EXPECT_EQ(net.get(fd, SocketOption::linger, value), 0);
  EXPECT_EQ(value, -1);
}

TEST_F(Sockets, CredentialsAreThoseOfTheHostsProcess) {
  auto pair = Socket::pair(here.net(), SocketType::stream).value();
  Credentials credentials;
  EXPECT_EQ(here.net().credentials(pair[0].fd(), credentials), 0);
  EXPECT_EQ(credentials.process, 1000);
}

}  // namespace
}  // namespace rondo::sim
