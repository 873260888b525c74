// SPDX-License-Identifier: MIT
// Socket: ownership, listening, connecting, and errors that say which operation failed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/file.h>
#include <rondo/socket.h>

#include "support/descriptor_census.h"
#include "support/failing_net.h"

namespace rondo {
namespace {

class SocketTest : public test::DescriptorCensus {
 protected:
  static bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
  static Bytes bytes(std::string_view text) { return std::as_bytes(std::span{text}); }
  static void wait_for(const Socket& socket, short events) {
    pollfd entry{socket.fd(), events, 0};
    ASSERT_EQ(::poll(&entry, 1, 5000), 1);
  }
  Socket listening(const Endpoint& local = Endpoint::loopback(0),
                   const SocketOptions& options = {}) {
    auto socket = Socket::listen(net_, local, options);
    EXPECT_TRUE(socket) << (socket ? "" : socket.error().message());
    return std::move(*socket);
  }
  /// A client and the server's end of its connection.
  std::array<Socket, 2> connected(Socket& listener) {
    auto client = Socket::connect(net_, listener.local_endpoint().value());
    wait_for(*client, POLLOUT);
    wait_for(listener, POLLIN);
    auto accepted = listener.accept();
    return {std::move(*client), std::move(accepted->socket)};
  }

  test::FailingNet net_{system_net()};
  std::array<std::byte, 64> room_{};
};

TEST_F(SocketTest, ClosesWhatItOwns) {
  int fd = -1;
  {
    const auto socket = Socket::make(net_, AddressFamily::ipv4, SocketType::stream);
    ASSERT_TRUE(socket);
    fd = socket->fd();
    EXPECT_TRUE(is_open(fd));
  }
  EXPECT_FALSE(is_open(fd));
}

TEST_F(SocketTest, MovesItsDescriptor) {
  Socket a = Socket::make(net_, AddressFamily::ipv4, SocketType::stream).value();
  Socket b = Socket::make(net_, AddressFamily::ipv4, SocketType::stream).value();
  const int fd_of_a = a.fd();
  const int fd_of_b = b.fd();
  b = std::move(a);
  EXPECT_EQ(b.fd(), fd_of_a);
  EXPECT_FALSE(a);  // NOLINT: a moved-from Socket is empty
  EXPECT_FALSE(is_open(fd_of_b));
  Socket& alias = b;
  b = std::move(alias);
  EXPECT_TRUE(is_open(fd_of_a));
  Socket c = std::move(b);
  EXPECT_EQ(c.fd(), fd_of_a);
}

TEST_F(SocketTest, GivesItsDescriptorAway) {
  Socket socket = Socket::make(net_, AddressFamily::ipv4, SocketType::stream).value();
  const int fd = socket.release();
  EXPECT_FALSE(socket);
  EXPECT_EQ(socket.release(), -1);
  EXPECT_TRUE(is_open(fd));
  EXPECT_EQ(net_.close(fd), 0);
}

TEST_F(SocketTest, IsEmptyAfterAClose) {
  Socket socket = Socket::make(net_, AddressFamily::ipv4, SocketType::stream).value();
  socket.close();
  EXPECT_FALSE(socket);
  socket.close();
  socket.reset();
}

TEST_F(SocketTest, ListensAcceptsAndCarriesBytes) {
  Socket listener = listening();
  EXPECT_NE(listener.local_endpoint()->port(), 0);
  EXPECT_EQ(listener.accept().error(), std::errc::operation_would_block);
  auto [client, server] = connected(listener);
  EXPECT_FALSE(client.connect_result());
  EXPECT_EQ(client.local_endpoint().value(), server.remote_endpoint().value());
  EXPECT_EQ(client.read(room_).error(), std::errc::operation_would_block);
  EXPECT_EQ(server.write(bytes("hello")).value(), 5U);
  wait_for(client, POLLIN);
  EXPECT_EQ(client.read(room_).value(), 5U);
  EXPECT_TRUE(server.shutdown(Direction::write));
  wait_for(client, POLLIN);
  EXPECT_EQ(client.read(room_).value(), 0U);
  const Bytes parts[] = {bytes("a"), bytes("b")};
  EXPECT_EQ(client.writev(parts).value(), 2U);
  wait_for(server, POLLIN);
  const MutableBytes rooms[] = {std::span{room_}.first(1), std::span{room_}.last(1)};
  EXPECT_EQ(server.readv(rooms).value(), 2U);
  EXPECT_FALSE(client.is_self_connected());
}

TEST_F(SocketTest, NamesWhereItCouldNotListen) {
  Socket listener = listening();
  const Endpoint taken = listener.local_endpoint().value();
  const auto second = Socket::listen(net_, taken);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message(),
            "listen on " + taken.to_string() + ": Address already in use");
}

TEST_F(SocketTest, LeavesNothingOpenWhicheverStepOfListenFails) {
  for (const std::string_view step : {"socket", "set", "bind", "listen"}) {
    net_.fail(step, ENOBUFS);
    const auto socket = Socket::listen(net_, Endpoint::loopback(0));
    ASSERT_FALSE(socket) << step;
    EXPECT_EQ(socket.error().message(),
              (step == "set" ? "set reuse_address on 127.0.0.1:0" : "listen on 127.0.0.1:0") +
                  std::string{": No buffer space available"});
  }
}

TEST_F(SocketTest, ListensWithoutAnOptionOnlyIfItCanReportThat) {
  const SocketOptions options{.dual_stack = true, .linger = std::chrono::seconds{0}};
  const std::string message =
      "set ipv6_only on 127.0.0.1:0: Address family not supported by protocol";
  const auto refused = Socket::listen(net_, Endpoint::loopback(0), options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), message);
  std::vector<UnappliedOption> unapplied;
  const auto socket = Socket::listen(net_, Endpoint::loopback(0), options, &unapplied);
  ASSERT_TRUE(socket);
  ASSERT_EQ(unapplied.size(), 1U);
  EXPECT_EQ(unapplied[0].error.message(), message);
  EXPECT_EQ(socket->get(SocketOption::linger).value(), 0);
}

TEST_F(SocketTest, HasABacklogOfTheGivenLength) {
  const std::string name = "unix:@rondo-socket-queue-" + std::to_string(::getpid());
  const Socket listener = listening(Endpoint::parse(name).value(), {.backlog = 2});
  std::vector<Socket> clients;
  for (auto client = Socket::connect(net_, listener.local_endpoint().value()); client;
       client = Socket::connect(net_, listener.local_endpoint().value())) {
    clients.push_back(std::move(*client));
    ASSERT_LE(clients.size(), 3U);  // the kernel queues one connection more
  }
  EXPECT_EQ(clients.size(), 3U);
}

TEST_F(SocketTest, ReusesTheAddressOfTcpAlone) {
  Socket tcp = listening();
  EXPECT_NE(tcp.option(SOL_SOCKET, SO_REUSEADDR).value(), 0);
  EXPECT_EQ(tcp.option(SOL_SOCKET, SO_REUSEPORT).value(), 0);
  const auto name = Endpoint::parse("unix:@rondo-socket-" + std::to_string(::getpid()));
  if (!name) return;
  Socket local = listening(*name);
  EXPECT_EQ(local.option(SOL_SOCKET, SO_REUSEADDR).value(), 0);
  EXPECT_EQ(local.local_endpoint().value(), *name);
}

TEST_F(SocketTest, SharesAPortWithReusePort) {
  Socket first = listening(Endpoint::loopback(0), {.reuse_port = true});
  Socket second = listening(first.local_endpoint().value(), {.reuse_port = true});
  EXPECT_EQ(first.local_endpoint().value(), second.local_endpoint().value());
}

TEST_F(SocketTest, LeavesIpv4AloneByDefault) {
  if (Socket::make(net_, AddressFamily::ipv6, SocketType::stream).value_or(Socket{}).fd() < 0) {
    GTEST_SKIP() << "no IPv6";
  }
  for (const bool dual_stack : {true, false}) {
    Socket listener = listening(Endpoint::any(0, AddressFamily::ipv6), {.dual_stack = dual_stack});
    EXPECT_EQ(listener.option(IPPROTO_IPV6, IPV6_V6ONLY).value(), dual_stack ? 0 : 1);
  }
}

TEST_F(SocketTest, ReportsARefusedConnectByItsError) {
  Socket listener = listening();
  const Endpoint gone = listener.local_endpoint().value();
  listener.close();
  auto client = Socket::connect(net_, gone);
  if (client) {
    wait_for(*client, POLLOUT);
    EXPECT_EQ(client->connect_result(), std::errc::connection_refused);
  } else {
    EXPECT_EQ(client.error().message(), "connect to " + gone.to_string() + ": Connection refused");
  }
}

TEST_F(SocketTest, NamesAConnectErrorThatIsKnownAtOnce) {
  net_.fail("connect", ENETUNREACH);
  const auto client = Socket::connect(net_, Endpoint::loopback(9));
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().message(), "connect to 127.0.0.1:9: Network is unreachable");
  net_.fail("socket", EMFILE);
  EXPECT_EQ(Socket::connect(net_, Endpoint::loopback(9)).error(), std::errc::too_many_files_open);
}

TEST_F(SocketTest, TakesAConnectUnderWayForABeginning) {
  net_.fail("connect", EINPROGRESS);
  auto client = Socket::connect(net_, Endpoint::loopback(9));
  ASSERT_TRUE(client);
  EXPECT_EQ(client->connect_result(), std::errc::operation_in_progress);
}

TEST_F(SocketTest, KnowsWhenItIsConnectedToItself) {
  // No socket listens on the port that it is bound to, so its SYN reaches itself (RFC 793, figure
  // 8).
  Socket socket = Socket::make(net_, AddressFamily::ipv4, SocketType::stream).value();
  ASSERT_EQ(net_.bind(socket.fd(), Endpoint::loopback(0)), 0);
  const int begun = net_.connect(socket.fd(), socket.local_endpoint().value());
  EXPECT_TRUE(begun == 0 || begun == -EINPROGRESS) << begun;
  wait_for(socket, POLLOUT);
  EXPECT_FALSE(socket.connect_result());
  EXPECT_TRUE(socket.is_self_connected());
}

TEST_F(SocketTest, IsNotConnectedToItselfInTheUnixFamily) {
  int fds[2];
  ASSERT_EQ(net_.pair(SocketType::stream, fds), 0);
  Socket a{net_, fds[0]};
  const Socket b{net_, fds[1]};
  EXPECT_EQ(a.local_endpoint().value(), a.remote_endpoint().value());  // neither socket has a name
  EXPECT_FALSE(a.is_self_connected());
}

TEST_F(SocketTest, ResetsSoThatThePeerSeesIt) {
  Socket listener = listening();
  auto [client, server] = connected(listener);
  server.reset();
  EXPECT_FALSE(server);
  wait_for(client, POLLIN);
  EXPECT_EQ(client.read(room_).error(), std::errc::connection_reset);
}

TEST_F(SocketTest, SetsNodelay) {
  Socket listener = listening();
  EXPECT_TRUE(listener.set(SocketOption::nodelay, 1));
  EXPECT_EQ(listener.option(IPPROTO_TCP, 9999).error(), std::errc::no_protocol_option);
  EXPECT_EQ(listener.set(SocketOption::ttl, 256).error().message(), "set ttl: Invalid argument");
  EXPECT_EQ(listener.set_option(SOL_SOCKET, -5, 1).error().message(),
            "set option -5 of level " + std::to_string(SOL_SOCKET) + ": Protocol not available");
}

TEST_F(SocketTest, ThatCannotBeMadeIsReportedWithItsContext) {
  net_.fail("socket", EMFILE);
  EXPECT_EQ(Socket::make(net_, AddressFamily::ipv4, SocketType::stream).error().message(),
            "make a socket: Too many open files");
}

TEST_F(SocketTest, MakesAConnectedPair) {
  auto pair = Socket::pair(net_, SocketType::seqpacket);
  ASSERT_TRUE(pair) << pair.error().message();
  auto& [a, b] = *pair;
  EXPECT_EQ(a.write(bytes("hello")).value(), 5U);
  EXPECT_EQ(b.read(room_).value(), 5U);
  net_.fail("pair", EMFILE);
  EXPECT_EQ(Socket::pair(net_, SocketType::stream).error().message(),
            "make a pair: Too many open files");
}

TEST_F(SocketTest, ReportsTheProcessAtTheOtherEnd) {
  auto pair = Socket::pair(net_, SocketType::stream);
  const Credentials peer = pair->at(0).peer_credentials().value();
  EXPECT_EQ(peer.process, ::getpid());
  EXPECT_EQ(peer.user, ::geteuid());
  EXPECT_EQ(peer.group, ::getegid());
}

TEST_F(SocketTest, ReportsNoProcessForSocketsWithoutOne) {
  const Socket lonely = Socket::make(net_, AddressFamily::unix_domain, SocketType::stream).value();
  EXPECT_EQ(lonely.peer_credentials().error(), std::errc::not_connected);
  Socket listener = listening();
  auto [client, server] = connected(listener);
  EXPECT_EQ(client.peer_credentials().error(), std::errc::not_connected);
  EXPECT_EQ(Socket(net_, -1).peer_credentials().error(), std::errc::bad_file_descriptor);
}

#ifdef NDEBUG
// With assertions they end the program: see misuse_death_test.cpp.
TEST_F(SocketTest, CallsOfAnEmptyOneFail) {
  Socket empty;
  const auto error = std::errc::bad_file_descriptor;
  std::array<std::byte, 1> byte{};
  EXPECT_EQ(empty.read(byte).error(), error);
  EXPECT_EQ(empty.write(byte).error(), error);
  EXPECT_EQ(empty.accept().error(), error);
  EXPECT_EQ(empty.connect_result(), error);
  EXPECT_FALSE(empty.is_self_connected());
  EXPECT_EQ(empty.shutdown(Direction::write).error(), error);
  EXPECT_EQ(empty.set(SocketOption::nodelay, 1).error(), error);
  EXPECT_EQ(empty.get(SocketOption::linger).error(), error);
  EXPECT_EQ(empty.set_option(1, 1, 1).error(), error);
  EXPECT_EQ(empty.option(1, 1).error(), error);
  EXPECT_EQ(empty.local_endpoint().error(), error);
  EXPECT_EQ(empty.remote_endpoint().error(), error);
  EXPECT_EQ(empty.peer_credentials().error(), error);
}
#endif

TEST(Files, HaveASize) {
  EXPECT_GT(File::open("/proc/self/exe").value().size().value(), 1000U);
  EXPECT_EQ(File{}.size().error().message(), "file size: Bad file descriptor");
  EXPECT_EQ(File::open("/nowhere").error().message(), "open /nowhere: No such file or directory");
}

TEST(AcceptErrors, AreTransientExhaustionOrNeither) {
  for (const int error : {ECONNABORTED, EPROTO, EINTR, EPERM, ENETDOWN, EHOSTUNREACH, ETIMEDOUT}) {
    EXPECT_TRUE(is_transient_accept_error(system_error(error))) << error;
    EXPECT_FALSE(is_exhaustion(system_error(error))) << error;
  }
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    EXPECT_FALSE(is_transient_accept_error(system_error(error))) << error;
    EXPECT_TRUE(is_exhaustion(system_error(error))) << error;
  }
  for (const int error : {0, EAGAIN, EBADF, ENOTSOCK, EINVAL, EOPNOTSUPP, EFAULT}) {
    EXPECT_FALSE(is_transient_accept_error(system_error(error))) << error;
    EXPECT_FALSE(is_exhaustion(system_error(error))) << error;
  }
}

}  // namespace
}  // namespace rondo
