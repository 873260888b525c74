// SPDX-License-Identifier: MIT
// Sockets that were made elsewhere, as systemd does: they block, linger, or are of the wrong kind.
#include "socket/adopted.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include <rondo/rondo.h>

#include "support/descriptor_census.h"
#include "support/failing_net.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

struct Ear final : DatagramHandler, StreamHandler {
  void on_datagrams(DatagramSocket&, std::span<const Datagram> received) override {
    datagrams += received.size();
  }
  void on_data(Stream&, Bytes data) override { bytes += data.size(); }
  std::size_t datagrams = 0;
  std::size_t bytes = 0;
};

class Adopted : public DescriptorCensus {
 protected:
  // libuv opens some descriptors once in a process: before the census counts them.
  static void SetUpTestSuite() {
    for (const BuiltBackend& built : built_backends()) EXPECT_TRUE(built.make());
  }

  /// A socket that blocks. A listener is bound to the loopback interface.
  Socket blocking(int family, int type, bool listens = false) {
    const int fd = ::socket(family, type | SOCK_CLOEXEC, 0);
    EXPECT_GE(fd, 0);
    Socket socket{net, fd};
    if (listens) {
      const Endpoint local = family == AF_INET ? Endpoint::loopback(0) : abstract();
      EXPECT_EQ(net.bind(fd, local), 0);
      EXPECT_EQ(net.listen(fd, 8), 0);
    }
    EXPECT_FALSE(is_nonblocking(fd));
    return socket;
  }
  static Endpoint abstract() {
    static int count = 0;
    return Endpoint::parse("unix:@rondo-adopted-" + std::to_string(::getpid()) + '-' +
                           std::to_string(++count))
        .value();
  }
  std::pair<Socket, Socket> blocking_pair(int type) {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
    return {Socket{net, fds[0]}, Socket{net, fds[1]}};
  }
  static bool is_nonblocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }
  static void set_linger(int fd) {
    const linger time{1, 3};
    EXPECT_EQ(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &time, sizeof(time)), 0);
  }
  static Acceptor::OnAccept ignored() {
    return [](Socket, const Endpoint&) {};
  }

  FailingNet net{system_net()};
  Reactor reactor;
  Ear ear;
};

TEST_F(Adopted, ListenersDoNotBlockAnymore) {
  Socket listener = blocking(AF_INET, SOCK_STREAM, true);
  const int fd = listener.fd();
  const auto acceptor = Acceptor::adopt(reactor, std::move(listener), ignored());
  ASSERT_TRUE(acceptor);
  EXPECT_TRUE(is_nonblocking(fd));
  // A wake-up without a connection: accept() would block.
  auto client = Socket::connect(net, acceptor->local_endpoint()).value();
  EXPECT_TRUE(run_until(reactor, [&] { return acceptor->counters().accepted == 1; }));

  Socket second = blocking(AF_INET, SOCK_STREAM, true);
  const int second_fd = second.fd();
  Server server = Server::make(reactor, session_factory([](Stream&, Bytes) {}));
  ASSERT_TRUE(server.adopt(std::move(second)));
  EXPECT_TRUE(is_nonblocking(second_fd));
}

TEST_F(Adopted, StreamsDoNotBlockAnymore) {
  auto [ours, theirs] = blocking_pair(SOCK_STREAM);
  const int fd = ours.fd();
  auto stream = Stream::adopt(reactor, std::move(ours), ear);
  ASSERT_TRUE(stream);
  EXPECT_TRUE(is_nonblocking(fd));
  // More than fits: a write that blocks would never end.
  const std::string much(std::size_t{1} << 22, 'x');
  (*stream)->write(much);
  EXPECT_TRUE(theirs.write(std::as_bytes(std::span{"hello", 5})));
  EXPECT_TRUE(run_until(reactor, [&] { return ear.bytes == 5; }));
}

TEST_F(Adopted, DatagramSocketsDoNotBlockAnymore) {
  for (const int type : {SOCK_DGRAM, SOCK_SEQPACKET}) {
    auto [ours, theirs] = blocking_pair(type);
    const int fd = ours.fd();
    auto socket = DatagramSocket::adopt(reactor, std::move(ours), ear);
    ASSERT_TRUE(socket);
    EXPECT_TRUE(is_nonblocking(fd));
    EXPECT_TRUE(theirs.write(std::as_bytes(std::span{"hello", 5})));
    const std::size_t before = ear.datagrams;
    EXPECT_TRUE(run_until(reactor, [&] { return ear.datagrams == before + 1; }));
  }
}

TEST_F(Adopted, SocketsThatArrivedInAMessageDoNotBlockEither) {
  auto channel = Socket::pair(net, SocketType::stream).value();
  auto [ours, theirs] = blocking_pair(SOCK_STREAM);
  ASSERT_TRUE(
      send_descriptors(channel[0], std::as_bytes(std::span{"x", 1}), std::array{ours.fd()}));
  std::array<std::byte, 8> room;
  auto received = receive_with_descriptors(channel[1], room);
  ASSERT_TRUE(received && received->descriptors.size() == 1);
  const int fd = received->descriptors[0].fd();
  const auto stream = Stream::adopt(reactor, std::move(received->descriptors[0]), ear);
  ASSERT_TRUE(stream);
  EXPECT_TRUE(is_nonblocking(fd));
}

// What a listener has, its clients inherit: their close() would block.
TEST_F(Adopted, SocketsLoseTheirLingerTime) {
  Socket listener = blocking(AF_INET, SOCK_STREAM, true);
  set_linger(listener.fd());
  Socket accepted;
  const auto acceptor =
      Acceptor::adopt(reactor, std::move(listener),
                      [&](Socket client, const Endpoint&) { accepted = std::move(client); });
  ASSERT_TRUE(acceptor);
  const auto client = Socket::connect(net, acceptor->local_endpoint()).value();
  ASSERT_TRUE(run_until(reactor, [&] { return bool{accepted}; }));
  EXPECT_EQ(accepted.get(SocketOption::linger).value(), -1);

  set_linger(accepted.fd());
  Socket copy{net, ::fcntl(accepted.fd(), F_DUPFD_CLOEXEC, 0)};
  ASSERT_TRUE(Stream::adopt(reactor, std::move(accepted), ear));
  EXPECT_EQ(copy.get(SocketOption::linger).value(), -1);
}

TEST_F(Adopted, SocketsKeepTheResetThatTheyAskFor) {
  Socket listener = blocking(AF_INET, SOCK_STREAM, true);
  EXPECT_TRUE(listener.set(SocketOption::linger, 0));
  Socket copy{net, ::fcntl(listener.fd(), F_DUPFD_CLOEXEC, 0)};
  ASSERT_TRUE(Acceptor::adopt(reactor, std::move(listener), ignored()));
  EXPECT_EQ(copy.get(SocketOption::linger).value(), 0);
}

TEST_F(Adopted, SocketsOfAnotherKindAreRefused) {
  const auto error_of = [&](Socket socket, int use) -> std::string {
    const auto message = [](auto result) {
      return result ? std::string{"adopted"} : result.error().message();
    };
    Server server = Server::make(reactor, session_factory([](Stream&, Bytes) {}));
    switch (use) {
      case 0:
        return message(Acceptor::adopt(reactor, std::move(socket), ignored()));
      case 1:
        return message(server.adopt(std::move(socket)));
      case 2:
        return message(Stream::adopt(reactor, std::move(socket), ear));
      default:
        return message(DatagramSocket::adopt(reactor, std::move(socket), ear));
    }
  };
  const auto is_one_of_the_messages = [](const std::string& message, const char* part) {
    return message.find(part) != std::string::npos;
  };
  for (const int use : {0, 1, 2}) {
    EXPECT_PRED2(is_one_of_the_messages, error_of(blocking(AF_INET, SOCK_DGRAM), use),
                 ": a datagram socket, which DatagramSocket adopts: Socket type not supported");
  }
  for (const int use : {0, 1}) {
    EXPECT_EQ(error_of(blocking(AF_INET, SOCK_STREAM), use),
              "accept on 0.0.0.0:0: the socket does not listen: Invalid argument");
    const std::string netlink = error_of(blocking(AF_NETLINK, SOCK_RAW), use);
    EXPECT_PRED2(is_one_of_the_messages, netlink, "accept on descriptor ");
    EXPECT_PRED2(is_one_of_the_messages, netlink, ": Address family not supported by protocol");
  }
  EXPECT_PRED2(is_one_of_the_messages, error_of(blocking(AF_UNIX, SOCK_SEQPACKET, true), 1),
               ": a seqpacket socket, which Acceptor adopts: Socket type not supported");
  EXPECT_EQ(error_of(blocking(AF_UNIX, SOCK_SEQPACKET, true), 0), "adopted");
  EXPECT_PRED2(is_one_of_the_messages, error_of(blocking(AF_INET, SOCK_STREAM, true), 2),
               ": the socket listens: an acceptor or a server adopts it: Invalid argument");
  EXPECT_PRED2(is_one_of_the_messages, error_of(blocking(AF_UNIX, SOCK_SEQPACKET, true), 3),
               ": the socket listens");
  EXPECT_PRED2(is_one_of_the_messages, error_of(blocking(AF_NETLINK, SOCK_RAW), 2),
               ": a raw socket, which is no stream: Socket type not supported");
  EXPECT_PRED2(is_one_of_the_messages, error_of(blocking(AF_INET, SOCK_STREAM), 3),
               ": a stream socket, which Stream adopts: Socket type not supported");
}

TEST_F(Adopted, SocketsThatCannotBeMadeNonBlockingAreRefused) {
  for (const char* const call : {"option", "set_nonblocking"}) {
    net.fail(call, EPERM);
    Socket listener = blocking(AF_INET, SOCK_STREAM, true);
    const auto acceptor = Acceptor::adopt(reactor, std::move(listener), ignored());
    ASSERT_FALSE(acceptor) << call;
    EXPECT_EQ(acceptor.error(), std::errc::operation_not_permitted);
    net.fail(call, EPERM);
    auto [ours, theirs] = blocking_pair(SOCK_STREAM);
    EXPECT_EQ(Stream::adopt(reactor, std::move(ours), ear).error(),
              std::errc::operation_not_permitted);
  }
}

}  // namespace
}  // namespace rondo::test
