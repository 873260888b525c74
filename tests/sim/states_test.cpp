// SPDX-License-Identifier: MIT
// The states of a descriptor, as in the conformance suite's table for Linux.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>

#include <rondo/endpoint.h>
#include <rondo/options.h>
#include <rondo/sim.h>

#include "support/collecting_sink.h"

namespace rondo::sim {
namespace {

using test::CollectingSink;

class States : public testing::Test {
 protected:
  int tcp() { return net.socket(AddressFamily::ipv4, SocketType::stream); }

  /// The events that epoll would report for an interest in both directions.
  Ready reported(int fd) {
    EXPECT_FALSE(backend->watch(fd, Ready::none, Ready::both, token));
    CollectingSink sink;
    EXPECT_FALSE(backend->wait(sink, backend->now()));
    backend->unwatch(fd, Ready::both);
    return sink.reported(token);
  }
  std::ptrdiff_t read(int fd) {
    std::array<std::byte, 16> room;
    const std::ptrdiff_t result = net.read(room, fd);
    return result < 0 ? -errno : result;
  }
  std::ptrdiff_t write(int fd, std::string_view text = "x") {
    const std::ptrdiff_t result = net.write(std::as_bytes(std::span{text}), fd);
    return result < 0 ? -errno : result;
  }
  void listen() {
    listener = tcp();
    ASSERT_EQ(net.bind(listener, Endpoint::loopback(0)), 0);
    ASSERT_EQ(net.listen(listener, 10), 0);
    ASSERT_EQ(net.local_endpoint(listener, address), 0);
  }
  void connect() {
    listen();
    ours = tcp();
    ASSERT_EQ(net.connect(ours, address), -EINPROGRESS);
    theirs = net.accept(listener, nullptr);
    ASSERT_GE(theirs, 0);
  }

  static constexpr Token token{(std::uint64_t{3} << 32) | 12};
  World world{1};
  Host& host = world.host("10.0.0.1");
  Net& net = host.net();
  std::unique_ptr<Backend> backend = host.driving_backend();
  Endpoint address;
  int listener = -1;
  int ours = -1;
  int theirs = -1;
};

TEST_F(States, Fresh) {
  const int fd = tcp();
  EXPECT_EQ(reported(fd), Ready::both) << "OUT and HUP";
  EXPECT_EQ(read(fd), -ENOTCONN);
  EXPECT_EQ(write(fd), -EPIPE);
}

TEST_F(States, Refused) {
  const int fd = tcp();
  EXPECT_EQ(net.connect(fd, Endpoint::loopback(1)), -EINPROGRESS);
  EXPECT_EQ(reported(fd), Ready::both);
  EXPECT_EQ(net.take_error(fd), ECONNREFUSED);
  EXPECT_EQ(net.take_error(fd), 0) << "once";
  EXPECT_EQ(read(fd), 0);
}

TEST_F(States, Idle) {
  connect();
  EXPECT_EQ(reported(ours), Ready::write);
  EXPECT_EQ(read(ours), -EAGAIN);
  EXPECT_EQ(write(ours), 1);
}

TEST_F(States, DataThenTheEnd) {
  connect();
  EXPECT_EQ(write(theirs, "hello"), 5);
  EXPECT_EQ(reported(ours), Ready::both);
  EXPECT_EQ(net.shutdown(theirs, Direction::write), 0);
  EXPECT_EQ(reported(ours), Ready::both);
  EXPECT_EQ(read(ours), 5);
  EXPECT_EQ(reported(ours), Ready::both) << "it is reported again and again";
  EXPECT_EQ(read(ours), 0);
  EXPECT_EQ(write(ours), 1);
}

TEST_F(States, BothDirectionsFinished) {
  connect();
  EXPECT_EQ(net.shutdown(theirs, Direction::write), 0);
  EXPECT_EQ(net.shutdown(ours, Direction::write), 0);
  EXPECT_EQ(reported(ours), Ready::both);
  EXPECT_EQ(read(ours), 0);
  EXPECT_EQ(write(ours), -EPIPE);
}

TEST_F(States, OwnEnds) {
  connect();
  EXPECT_EQ(net.shutdown(ours, Direction::write), 0);
  EXPECT_EQ(reported(ours), Ready::write);
  EXPECT_EQ(read(ours), -EAGAIN);
  EXPECT_EQ(write(ours), -EPIPE);
  EXPECT_EQ(net.shutdown(theirs, Direction::read), 0);
  EXPECT_EQ(reported(theirs), Ready::both);
  EXPECT_EQ(read(theirs), 0);
  EXPECT_EQ(write(theirs), 1);
}

TEST_F(States, ResetByOurWrite) {
  connect();
  EXPECT_EQ(net.close(theirs), 0);
  EXPECT_EQ(write(ours), 1);
  EXPECT_EQ(reported(ours), Ready::both);
  EXPECT_EQ(read(ours), 0);
  EXPECT_EQ(net.take_error(ours), EPIPE);
  EXPECT_EQ(write(ours), -EPIPE);
}

TEST_F(States, ResetWithUnreadBytes) {
  connect();
  EXPECT_EQ(write(theirs, "hello"), 5);
  EXPECT_EQ(net.set(theirs, SocketOption::linger, 0), 0);
  EXPECT_EQ(net.close(theirs), 0);
  EXPECT_EQ(reported(ours), Ready::both);
  EXPECT_EQ(read(ours), 5) << "data from before the reset";
  EXPECT_EQ(read(ours), -ECONNRESET);
  EXPECT_EQ(read(ours), 0);
}

TEST_F(States, CloseWithUnreadInputResets) {
  connect();
  EXPECT_EQ(write(ours, "unread"), 6);
  EXPECT_EQ(net.close(theirs), 0);
  EXPECT_EQ(net.take_error(ours), ECONNRESET);
}

TEST_F(States, UnixPeerClosed) {
  int fds[2];
  ASSERT_EQ(net.pair(SocketType::stream, fds), 0);
  EXPECT_EQ(reported(fds[0]), Ready::write);
  EXPECT_EQ(net.close(fds[1]), 0);
  EXPECT_EQ(reported(fds[0]), Ready::both);
  EXPECT_EQ(read(fds[0]), 0);
  EXPECT_EQ(write(fds[0]), -EPIPE);
}

TEST_F(States, UnixPeerClosedWithOurDataUnread) {
  int fds[2];
  ASSERT_EQ(net.pair(SocketType::stream, fds), 0);
  EXPECT_EQ(write(fds[0]), 1);
  EXPECT_EQ(net.close(fds[1]), 0);
  EXPECT_EQ(reported(fds[0]), Ready::both);
  EXPECT_EQ(read(fds[0]), -ECONNRESET);
  EXPECT_EQ(read(fds[0]), 0);
}

TEST_F(States, Pipes) {
  int fds[2];
  ASSERT_EQ(host.pipe(fds), 0);
  EXPECT_EQ(reported(fds[0]), Ready::none);
  EXPECT_EQ(reported(fds[1]), Ready::write);
  EXPECT_EQ(write(fds[1]), -ENOTSOCK);
  EXPECT_EQ(net.opened_for(fds[0]), static_cast<int>(Direction::read));
  EXPECT_EQ(net.opened_for(fds[1]), static_cast<int>(Direction::write));
  EXPECT_EQ(net.set_nonblocking(fds[1]), 0) << "it always was non-blocking";
  EXPECT_EQ(net.close(fds[1]), 0);
  EXPECT_EQ(net.set_nonblocking(fds[1]), -EBADF);
  EXPECT_EQ(net.opened_for(fds[1]), -EBADF);
  EXPECT_EQ(reported(fds[0]), Ready::both);
  EXPECT_EQ(read(fds[0]), 0);
}

TEST_F(States, UdpUnreachable) {
  const int fd = net.socket(AddressFamily::ipv4, SocketType::datagram);
  ASSERT_EQ(net.connect(fd, Endpoint::loopback(9)), 0);
  EXPECT_EQ(reported(fd), Ready::write);
  EXPECT_EQ(write(fd), 1);
  EXPECT_EQ(reported(fd), Ready::both);
  EXPECT_EQ(read(fd), -ECONNREFUSED);
  EXPECT_EQ(read(fd), -EAGAIN) << "once";
  EXPECT_EQ(write(fd), 1);
}

TEST_F(States, RegistrationOfADuplicateOutlivesItsNumber) {
  connect();
  const int copy = host.duplicate(ours);
  ASSERT_FALSE(backend->watch(ours, Ready::none, Ready::both, token));
  EXPECT_EQ(net.close(ours), 0);
  CollectingSink sink;
  EXPECT_FALSE(backend->wait(sink, backend->now()));
  EXPECT_EQ(sink.reported(token), Ready::write) << "like epoll";
  EXPECT_EQ(net.close(copy), 0);
  CollectingSink later;
  EXPECT_FALSE(backend->wait(later, backend->now()));
  EXPECT_EQ(later.reported(token), Ready::none);
}

TEST_F(States, LowestNumberComesFirst) {
  const int one = tcp();
  const int two = tcp();
  const int three = tcp();
  EXPECT_EQ(one, 3);
  EXPECT_EQ(three, 5);
  EXPECT_EQ(net.close(two), 0);
  EXPECT_EQ(net.close(one), 0);
  EXPECT_EQ(tcp(), one);
  EXPECT_EQ(tcp(), two);
  EXPECT_EQ(net.close(99), -EBADF);
}

}  // namespace
}  // namespace rondo::sim
