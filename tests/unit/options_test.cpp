// SPDX-License-Identifier: MIT
// Options by name: each is read back from the kernel by number. Options that could not be applied
// are reported.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/options.h>
#include <rondo/socket.h>

#include "socket/apply_options.h"
#include "support/descriptor_census.h"
#include "support/failing_net.h"

namespace rondo {
namespace {

using detail::apply;
using detail::Purpose;

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class OptionsTest : public test::DescriptorCensus {
 protected:
  Socket make(AddressFamily family = AddressFamily::ipv4, SocketType type = SocketType::stream) {
    return Socket::make(net_, family, type).value();
  }
  static int kernel(const Socket& socket, int level, int name) {
    int value = -1;
    socklen_t size = sizeof(value);
    EXPECT_EQ(::getsockopt(socket.fd(), level, name, &value, &size), 0);
    return value;
  }
  static std::string messages(const std::vector<UnappliedOption>& all) {
    std::string text;
    for (const UnappliedOption& one : all) text += one.error.message() + '\n';
    return text;
  }

  test::FailingNet net_{system_net()};
  const Endpoint here_ = Endpoint::loopback(80);
};

struct Sample {
  SocketOption option;
  int value;
  int level;
  int name;
  int expected;  // in this case by the kernel
};

const Sample of_tcp[] = {
    {SocketOption::reuse_address, 1, SOL_SOCKET, SO_REUSEADDR, 1},
    {SocketOption::reuse_port, 1, SOL_SOCKET, SO_REUSEPORT, 1},
    {SocketOption::receive_buffer, 20'000, SOL_SOCKET, SO_RCVBUF, 40'000},
    {SocketOption::send_buffer, 20'000, SOL_SOCKET, SO_SNDBUF, 40'000},
    {SocketOption::nodelay, 1, IPPROTO_TCP, TCP_NODELAY, 1},
    {SocketOption::keep_alive, 1, SOL_SOCKET, SO_KEEPALIVE, 1},
    {SocketOption::keep_alive_idle, 77, IPPROTO_TCP, TCP_KEEPIDLE, 77},
    {SocketOption::keep_alive_interval, 7, IPPROTO_TCP, TCP_KEEPINTVL, 7},
    {SocketOption::keep_alive_count, 3, IPPROTO_TCP, TCP_KEEPCNT, 3},
    {SocketOption::user_timeout, 1234, IPPROTO_TCP, TCP_USER_TIMEOUT, 1234},
    {SocketOption::notsent_lowat, 16'384, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 16'384},
    {SocketOption::fast_open, 5, IPPROTO_TCP, TCP_FASTOPEN, 5},
    {SocketOption::fast_open_connect, 1, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1},
    {SocketOption::defer_accept, 3, IPPROTO_TCP, TCP_DEFER_ACCEPT, 3},
    {SocketOption::ttl, 9, IPPROTO_IP, IP_TTL, 9},
};
const Sample of_udp[] = {
    {SocketOption::broadcast, 1, SOL_SOCKET, SO_BROADCAST, 1},
    {SocketOption::multicast_ttl, 5, IPPROTO_IP, IP_MULTICAST_TTL, 5},
    {SocketOption::multicast_loop, 0, IPPROTO_IP, IP_MULTICAST_LOOP, 0},
    {SocketOption::packet_info, 1, IPPROTO_IP, IP_PKTINFO, 1},
    {SocketOption::receive_offload, 1, IPPROTO_UDP, UDP_GRO, 1},
    {SocketOption::send_offload, 1000, IPPROTO_UDP, UDP_SEGMENT, 1000},
};
const Sample of_udp6[] = {
    {SocketOption::ipv6_only, 1, IPPROTO_IPV6, IPV6_V6ONLY, 1},
    {SocketOption::ttl, 9, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9},
    {SocketOption::multicast_ttl, 5, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 5},
    {SocketOption::multicast_loop, 0, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0},
    {SocketOption::multicast_interface, 1, IPPROTO_IPV6, IPV6_MULTICAST_IF, 1},
    {SocketOption::packet_info, 1, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
};

TEST_F(OptionsTest, AreReadFromTheKernel) {
  const auto check = [this](std::span<const Sample> samples, AddressFamily family,
                            SocketType type) {
    auto socket = Socket::make(net_, family, type);
    if (!socket) return;  // this machine has no IPv6
    for (const Sample& sample : samples) {
      SCOPED_TRACE(name_of(sample.option));
      EXPECT_NE(kernel(*socket, sample.level, sample.name), sample.expected);
      EXPECT_TRUE(socket->set(sample.option, sample.value));
      EXPECT_EQ(kernel(*socket, sample.level, sample.name), sample.expected);
      EXPECT_EQ(socket->get(sample.option).value(), sample.expected);
    }
  };
  check(of_tcp, AddressFamily::ipv4, SocketType::stream);
  check(of_udp, AddressFamily::ipv4, SocketType::datagram);
  check(of_udp6, AddressFamily::ipv6, SocketType::datagram);
}

// SO_LINGER with a time makes close() block for it, also on a non-blocking socket.
TEST_F(OptionsTest, LingerIsZeroOrOffAndNeverATime) {
  Socket socket = make();
  const auto kernels = [&] {
    linger value{};
    socklen_t size = sizeof(value);
    EXPECT_EQ(::getsockopt(socket.fd(), SOL_SOCKET, SO_LINGER, &value, &size), 0);
    return value;
  };
  EXPECT_EQ(socket.get(SocketOption::linger).value(), -1);
  EXPECT_TRUE(socket.set(SocketOption::linger, 0));
  EXPECT_EQ(kernels().l_onoff, 1);
  EXPECT_EQ(kernels().l_linger, 0);
  EXPECT_EQ(socket.get(SocketOption::linger).value(), 0);
  EXPECT_EQ(socket.set(SocketOption::linger, 1).error(), std::errc::operation_not_supported);
  EXPECT_EQ(kernels().l_linger, 0);
  EXPECT_TRUE(socket.set(SocketOption::linger, -1));
  EXPECT_EQ(kernels().l_onoff, 0);
  EXPECT_EQ(socket.set(SocketOption::linger, -2).error(), std::errc::invalid_argument);
}

TEST_F(OptionsTest, RefuseValuesOutOfRange) {
  Socket tcp = make();
  Socket udp = make(AddressFamily::ipv4, SocketType::datagram);
  for (const auto& [option, value] : std::initializer_list<std::pair<SocketOption, int>>{
           {SocketOption::nodelay, 2},
           {SocketOption::nodelay, -1},
           {SocketOption::receive_buffer, -1},
           {SocketOption::keep_alive_idle, 0},
           {SocketOption::keep_alive_idle, 32'768},
           {SocketOption::keep_alive_interval, 32'768},
           {SocketOption::keep_alive_count, 128},
           {SocketOption::user_timeout, -1},
           {SocketOption::notsent_lowat, -1},
           {SocketOption::ttl, 0},
           {SocketOption::ttl, 256}}) {
    EXPECT_EQ(tcp.set(option, value).error(), std::errc::invalid_argument)
        << name_of(option) << value;
  }
  EXPECT_EQ(udp.set(SocketOption::multicast_ttl, 256).error(), std::errc::invalid_argument);
  EXPECT_EQ(udp.set(SocketOption::multicast_loop, 2).error(), std::errc::invalid_argument);
}

TEST_F(OptionsTest, SayWhatASocketHasNot) {
  Socket local = make(AddressFamily::unix_domain);
  EXPECT_EQ(local.set(SocketOption::nodelay, 1).error(), std::errc::operation_not_supported);
  EXPECT_EQ(local.set(SocketOption::ttl, 1).error(), std::errc::no_protocol_option);
  EXPECT_EQ(local.get(SocketOption::ttl).error(), std::errc::no_protocol_option);
  Socket udp = make(AddressFamily::ipv4, SocketType::datagram);
  EXPECT_EQ(udp.set(SocketOption::nodelay, 1).error(), std::errc::no_protocol_option);
  EXPECT_EQ(udp.get(SocketOption::multicast_interface).error(), std::errc::no_protocol_option);
  Socket none{net_, -1};
  EXPECT_EQ(none.set(SocketOption::nodelay, 1).error(), std::errc::bad_file_descriptor);
  EXPECT_EQ(none.set(SocketOption::ttl, 1).error(), std::errc::bad_file_descriptor);
  EXPECT_EQ(none.get(SocketOption::linger).error(), std::errc::bad_file_descriptor);
}

TEST_F(OptionsTest, HaveNamesOfTheirOwn) {
  std::vector<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(SocketOption::send_offload); ++i) {
    const std::string_view name = name_of(static_cast<SocketOption>(i));
    EXPECT_NE(name, "?") << i;
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 0) << name;
    names.push_back(name);
  }
  EXPECT_EQ(name_of(static_cast<SocketOption>(200)), "?");
}

TEST_F(OptionsTest, AreAppliedToAClient) {
  Socket socket = make();
  const SocketOptions options{
      .keep_alive = KeepAlive{.idle = seconds{77}, .interval = seconds{7}, .count = 3},
      .receive_buffer = 20'000,
      .send_buffer = 20'000,
      .user_timeout = milliseconds{1234},
      .notsent_lowat = 16'384,
      .fast_open = 1,
      .linger = seconds{0}};
  EXPECT_EQ(messages(apply(socket, here_, options, Purpose::connect)), "");
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(kernel(socket, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_KEEPIDLE), 77);
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_KEEPINTVL), 7);
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_KEEPCNT), 3);
  EXPECT_EQ(kernel(socket, SOL_SOCKET, SO_RCVBUF), 40'000);
  EXPECT_EQ(kernel(socket, SOL_SOCKET, SO_SNDBUF), 40'000);
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_USER_TIMEOUT), 1234);
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 16'384);
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_FASTOPEN_CONNECT), 1);
  EXPECT_EQ(socket.get(SocketOption::linger).value(), 0);
}

TEST_F(OptionsTest, AreAppliedToAListener) {
  Socket socket = make(AddressFamily::ipv6);
  const SocketOptions options{
      .nodelay = false, .reuse_port = true, .fast_open = 5, .defer_accept = seconds{3}};
  EXPECT_EQ(
      messages(apply(socket, Endpoint::loopback(0, AddressFamily::ipv6), options, Purpose::listen)),
      "");
  EXPECT_EQ(kernel(socket, SOL_SOCKET, SO_REUSEADDR), 1);
  EXPECT_EQ(kernel(socket, SOL_SOCKET, SO_REUSEPORT), 1);
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_FASTOPEN), 5);
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_DEFER_ACCEPT), 3);
  EXPECT_EQ(kernel(socket, IPPROTO_IPV6, IPV6_V6ONLY), 1);
  Socket dual = make(AddressFamily::ipv6);
  EXPECT_EQ(messages(apply(dual, Endpoint::any(0, AddressFamily::ipv6), {.dual_stack = true},
                           Purpose::listen)),
            "");
  EXPECT_EQ(kernel(dual, IPPROTO_IPV6, IPV6_V6ONLY), 0);
}

TEST_F(OptionsTest, AreAppliedToAListenerThatWasBoundElsewhere) {
  const auto listening = [&](const SocketOptions& options) {
    return Socket::listen(net_, Endpoint::loopback(0), options).value();
  };
  const SocketOptions options{
      .nodelay = false, .reuse_port = true, .fast_open = 5, .defer_accept = seconds{3}};
  Socket socket = listening({.reuse_port = true});
  EXPECT_EQ(messages(apply(socket, here_, options, Purpose::adopt)), "");
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_FASTOPEN), 5);
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_DEFER_ACCEPT), 3);
  Socket other = listening({});
  EXPECT_EQ(
      messages(apply(other, here_, {.reuse_address = false, .reuse_port = true, .dual_stack = true},
                     Purpose::adopt)),
      "set reuse_address on 127.0.0.1:80: Operation not supported\n"
      "set reuse_port on 127.0.0.1:80: Operation not supported\n"
      "set ipv6_only on 127.0.0.1:80: Operation not supported\n");
  EXPECT_EQ(kernel(other, SOL_SOCKET, SO_REUSEPORT), 0);  // too late to have an effect
}

TEST_F(OptionsTest, OfAListenerHoldForItsClients) {
  Socket listener = make();
  const SocketOptions options{
      .keep_alive = KeepAlive{.idle = seconds{77}, .interval = seconds{7}, .count = 3},
      .receive_buffer = 20'000,
      .send_buffer = 20'000,
      .user_timeout = milliseconds{1234},
      .notsent_lowat = 16'384,
      .linger = seconds{0}};
  ASSERT_EQ(messages(apply(listener, here_, options, Purpose::listen)), "");
  ASSERT_EQ(net_.bind(listener.fd(), Endpoint::loopback(0)), 0);
  ASSERT_EQ(net_.listen(listener.fd(), 1), 0);
  auto client = Socket::connect(net_, listener.local_endpoint().value());
  ASSERT_TRUE(client) << client.error().message();
  pollfd entry{listener.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&entry, 1, 5000), 1);
  Socket accepted = std::move(listener.accept().value().socket);
  const int calls_before = net_.calls("set");
  EXPECT_EQ(messages(apply(accepted, accepted.remote_endpoint().value(), options, Purpose::accept)),
            "");
  if (net_.accepted_inherit_options()) {
    EXPECT_EQ(net_.calls("set"), calls_before);
  }
  for (const SocketOption option :
       {SocketOption::nodelay, SocketOption::keep_alive, SocketOption::keep_alive_idle,
        SocketOption::keep_alive_interval, SocketOption::keep_alive_count,
        SocketOption::receive_buffer, SocketOption::send_buffer, SocketOption::user_timeout,
        SocketOption::notsent_lowat, SocketOption::linger}) {
    EXPECT_EQ(accepted.get(option).value(), listener.get(option).value()) << name_of(option);
  }
}

TEST_F(OptionsTest, LeftAtTheirDefaultsSuitEverySocket) {
  for (const Purpose purpose :
       {Purpose::listen, Purpose::adopt, Purpose::connect, Purpose::accept}) {
    Socket local = make(AddressFamily::unix_domain);
    EXPECT_EQ(messages(apply(local, Endpoint::parse("unix:@x").value(), {}, purpose)), "");
    Socket tcp = make();
    EXPECT_EQ(messages(apply(tcp, here_, {}, purpose)), "");
  }
  Socket udp = make(AddressFamily::ipv4, SocketType::datagram);
  EXPECT_EQ(messages(apply(udp, here_, {}, Purpose::datagram)), "");
  EXPECT_EQ(kernel(udp, SOL_SOCKET, SO_REUSEADDR), 0);
}

TEST_F(OptionsTest, AreReportedWhereTheyCannotBeApplied) {
  Socket socket = make();
  net_.fail("set", ENOPROTOOPT, 1, 1);
  const auto failed =
      apply(socket, here_, {.notsent_lowat = 1000, .linger = seconds{0}}, Purpose::connect);
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].option, SocketOption::notsent_lowat);
  EXPECT_EQ(failed[0].error, std::errc::no_protocol_option);
  EXPECT_EQ(failed[0].error.message(), "set notsent_lowat on 127.0.0.1:80: Protocol not available");
  EXPECT_EQ(socket.get(SocketOption::linger).value(), 0);  // options after a failed one are applied
}

TEST_F(OptionsTest, ForAnotherKindOfSocketAreReported) {
  const Endpoint name = Endpoint::parse("unix:@x").value();
  Socket local = make(AddressFamily::unix_domain);
  const auto failed = apply(local, name,
                            {.nodelay = true,
                             .keep_alive = KeepAlive{},
                             .reuse_port = true,
                             .dual_stack = true,
                             .busy_poll = microseconds{50},
                             .linger = seconds{0}},
                            Purpose::listen);
  EXPECT_EQ(messages(failed),
            "set reuse_port on unix:@x: Operation not supported\n"
            "set ipv6_only on unix:@x: Address family not supported by protocol\n"
            "set nodelay on unix:@x: Operation not supported\n"
            "set keep_alive on unix:@x: Operation not supported\n"
            "set busy_poll on unix:@x: Operation not supported\n"
            "set linger on unix:@x: Operation not supported\n");
  Socket client = make();
  EXPECT_EQ(messages(apply(client, here_, {.defer_accept = seconds{1}}, Purpose::connect)),
            "set defer_accept on 127.0.0.1:80: Operation not supported\n");
}

TEST_F(OptionsTest, AreNeverTruncated) {
  constexpr auto int_max = std::numeric_limits<int>::max();
  Socket socket = make();
  const auto failed =
      apply(socket, here_,
            {.keep_alive = KeepAlive{.idle = seconds{std::int64_t{1} << 32}, .count = -1},
             .receive_buffer = std::size_t{1} << 32,
             .user_timeout = milliseconds{std::int64_t{int_max} + 1},
             .notsent_lowat = std::size_t{int_max} + 1,
             .defer_accept = seconds{1'000'000},
             .busy_poll = microseconds{-1}},
            Purpose::listen);
  EXPECT_EQ(failed.size(), 7U) << messages(failed);
  for (const UnappliedOption& one : failed) {
    EXPECT_EQ(one.error, std::errc::result_out_of_range) << one.error.message();
  }
  const auto at_the_limit = apply(
      socket, here_, {.user_timeout = milliseconds{int_max}, .notsent_lowat = std::size_t{int_max}},
      Purpose::listen);
  EXPECT_EQ(messages(at_the_limit), "");
  EXPECT_EQ(kernel(socket, IPPROTO_TCP, TCP_USER_TIMEOUT), int_max);
}

TEST_F(OptionsTest, WithALingerTimeAreRefusedForEachPurpose) {
  for (const Purpose purpose : {Purpose::listen, Purpose::adopt, Purpose::connect}) {
    for (const std::int64_t time : {std::int64_t{1}, std::int64_t{1} << 40}) {
      Socket socket = make();
      const auto failed = apply(socket, here_, {.linger = seconds{time}}, purpose);
      EXPECT_EQ(messages(failed),
                "set linger on 127.0.0.1:80: close() would block; streams have lingering_close: "
                "Operation not supported\n");
      EXPECT_EQ(socket.get(SocketOption::linger).value(), -1);
    }
  }
}

TEST_F(OptionsTest, ReportThatABufferWasCutShort) {
  Socket socket = make();
  const auto failed =
      apply(socket, here_, {.receive_buffer = std::size_t{1} << 30}, Purpose::connect);
  if (failed.empty()) GTEST_SKIP() << "net.core.rmem_max allows a GiB";
  EXPECT_EQ(messages(failed), "set receive_buffer on 127.0.0.1:80: No buffer space available\n");
  EXPECT_GT(socket.get(SocketOption::receive_buffer).value(), 0);
}

}  // namespace
}  // namespace rondo
