// SPDX-License-Identifier: MIT
// Descriptors passed over Unix sockets: they arrive, and none stays open if anything fails.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include <rondo/descriptors.h>

#include "support/child_process.h"
#include "support/descriptor_census.h"
#include "support/descriptors.h"
#include "support/failing_net.h"

namespace rondo {
namespace {

using test::in_child;
using test::open_descriptors;

class DescriptorsTest : public test::DescriptorCensus {
 protected:
  static Bytes bytes(std::string_view text) { return std::as_bytes(std::span{text}); }
  std::array<Socket, 2> pair(SocketType type = SocketType::stream) {
    return Socket::pair(net_, type).value();
  }
  std::string_view text(std::size_t size) const {
    return {reinterpret_cast<const char*>(room_.data()), size};
  }

  test::FailingNet net_{system_net()};
  std::array<std::byte, 64> room_{};
};

TEST_F(DescriptorsTest, ArriveWithTheirBytesInOrder) {
  for (const SocketType type : {SocketType::stream, SocketType::datagram, SocketType::seqpacket}) {
    auto [a, b] = pair(type);
    test::Pipe first = test::make_pipe();
    test::Pipe second = test::make_pipe();
    const int fds[] = {first.writer.get(), second.writer.get()};
    EXPECT_EQ(send_descriptors(a, bytes("take"), fds).value(), 4U);
    first.writer.close();
    second.writer.close();
    auto received = receive_with_descriptors(b, room_).value();
    EXPECT_EQ(text(received.size), "take");
    EXPECT_FALSE(received.lost);
    ASSERT_EQ(received.descriptors.size(), 2U);
    for (const Socket& one : received.descriptors) {
      EXPECT_TRUE(test::is_close_on_exec(one.fd()));
    }
    test::write_all(received.descriptors[0].fd(), "one");
    test::write_all(received.descriptors[1].fd(), "two");
    received.descriptors.clear();
    EXPECT_EQ(test::read_all(first.reader.get()), "one");
    EXPECT_EQ(test::read_all(second.reader.get()), "two");
  }
}

TEST_F(DescriptorsTest, DoNotBlockWhenTheyAreClosed) {
  auto [a, b] = pair();
  for (const int seconds : {-1, 0, 1}) {
    SCOPED_TRACE(seconds);
    const test::Pair sent = test::tcp_pair();
    const linger value{.l_onoff = seconds >= 0 ? 1 : 0, .l_linger = std::max(seconds, 0)};
    ASSERT_EQ(::setsockopt(sent.ours.get(), SOL_SOCKET, SO_LINGER, &value, sizeof(value)), 0);
    const int fds[] = {sent.ours.get()};
    EXPECT_EQ(send_descriptors(a, bytes("x"), fds).value(), 1U);
    auto received = receive_with_descriptors(b, room_).value();
    ASSERT_EQ(received.descriptors.size(), 1U);
    EXPECT_EQ(received.descriptors[0].get(SocketOption::linger).value(),
              seconds > 0 ? -1 : seconds);
  }
}

TEST_F(DescriptorsTest, AreNotNeeded) {
  auto [a, b] = pair();
  EXPECT_EQ(send_descriptors(a, bytes("plain"), {}).value(), 5U);
  const auto received = receive_with_descriptors(b, room_).value();
  EXPECT_EQ(text(received.size), "plain");
  EXPECT_TRUE(received.descriptors.empty());
  EXPECT_EQ(receive_with_descriptors(b, room_).error(), std::errc::operation_would_block);
  a.close();
  EXPECT_EQ(receive_with_descriptors(b, room_).value().size, 0U);
}

TEST_F(DescriptorsTest, AreLimitedInNumber) {
  auto [a, b] = pair();
  const int fd = a.fd();
  for (const std::size_t count : {descriptors_per_send_max - 1, descriptors_per_send_max}) {
    EXPECT_EQ(send_descriptors(a, bytes("x"), std::vector(count, fd)).value(), 1U);
    const auto received = receive_with_descriptors(b, room_).value();
    EXPECT_EQ(received.descriptors.size(), count);
    EXPECT_FALSE(received.lost);
  }
  const std::vector<int> too_many(descriptors_per_send_max + 1, fd);
  EXPECT_EQ(send_descriptors(a, bytes("x"), too_many).error(), std::errc::invalid_argument);
  EXPECT_EQ(send_descriptors(a, {}, {&fd, 1}).error(), std::errc::invalid_argument);
  EXPECT_EQ(receive_with_descriptors(b, room_).error(), std::errc::operation_would_block);
}

TEST_F(DescriptorsTest, StayWithTheSenderOnAnError) {
  auto [a, b] = pair();
  const int bad[] = {a.fd(), 1 << 20};
  EXPECT_EQ(send_descriptors(a, bytes("x"), bad).error(), std::errc::bad_file_descriptor);
  EXPECT_EQ(receive_with_descriptors(b, room_).error(), std::errc::operation_would_block);
  net_.fail("send", ETOOMANYREFS);
  EXPECT_EQ(send_descriptors(a, bytes("x"), {bad, 1}).error().value(), ETOOMANYREFS);
  net_.fail("receive", ENOMEM);
  EXPECT_EQ(receive_with_descriptors(b, room_).error(), std::errc::not_enough_memory);
  b.close();
  EXPECT_EQ(send_descriptors(a, bytes("x"), {bad, 1}).error(), std::errc::broken_pipe);
}

// Linux would take the bytes and silently drop the descriptors.
TEST_F(DescriptorsTest, AreRefusedByWhatIsNoUnixSocket) {
  for (const bool is_tcp : {true, false}) {
    test::Pair pair = is_tcp ? test::tcp_pair() : test::udp_pair();
    Socket socket{net_, pair.ours.release()};
    const int fd = socket.fd();
    EXPECT_EQ(send_descriptors(socket, bytes("x"), {&fd, 1}).error(),
              std::errc::operation_not_supported);
    EXPECT_EQ(test::read_result(pair.theirs.get()), -EAGAIN);
  }
}

TEST_F(DescriptorsTest, AreClosedIfTheyWereNotRequested) {
  auto [a, b] = pair();
  test::Pipe pipe = test::make_pipe();
  const int fd = pipe.writer.get();
  EXPECT_EQ(send_descriptors(a, bytes("xy"), {&fd, 1}).value(), 2U);
  pipe.writer.close();
  EXPECT_EQ(b.read(room_).value(), 2U);
  EXPECT_EQ(test::read_result(pipe.reader.get()), 0);  // the last writer is closed
}

TEST_F(DescriptorsTest, OfOneSendAreNotMixedWithThoseOfTheNext) {
  auto [a, b] = pair();
  const int fd = a.fd();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send_descriptors(a, bytes("ab"), {&fd, 1}).value(), 2U);
  for (int i = 0; i < 3; ++i) {
    const auto received = receive_with_descriptors(b, room_).value();
    EXPECT_EQ(received.size, 2U);
    EXPECT_EQ(received.descriptors.size(), 1U);
  }
}

TEST_F(DescriptorsTest, AreAllClosedIfTheReceiverCanOpenOnlySome) {
  auto [a, b] = pair();
  const int fd = a.fd();
  EXPECT_EQ(in_child([&, from = &b, to = &a] {
              const std::vector<int> four(4, fd);
              RONDO_CHILD_REQUIRE(send_descriptors(*to, bytes("abc"), four).value() == 3);
              const auto before = open_descriptors();
              {
                const test::DescriptorFamine famine{2};
                const auto received = receive_with_descriptors(*from, room_).value();
                RONDO_CHILD_REQUIRE(received.lost);
                RONDO_CHILD_REQUIRE(received.descriptors.empty());
                RONDO_CHILD_REQUIRE(text(received.size) == "abc");
              }
              RONDO_CHILD_REQUIRE(open_descriptors() == before);
              // The socket can still be used.
              RONDO_CHILD_REQUIRE(send_descriptors(*to, bytes("d"), four).value() == 1);
              const auto received = receive_with_descriptors(*from, room_).value();
              RONDO_CHILD_REQUIRE(!received.lost && received.descriptors.size() == 4);
              return 0;
            }),
            0);
}

TEST_F(DescriptorsTest, AreAllClosedIfTheReceiverCanOpenNone) {
  auto [a, b] = pair(SocketType::seqpacket);
  const int fd = a.fd();
  EXPECT_EQ(in_child([&, from = &b, to = &a] {
              RONDO_CHILD_REQUIRE(send_descriptors(*to, bytes("abc"), {&fd, 1}).value() == 3);
              const test::DescriptorFamine famine{0};
              const auto received = receive_with_descriptors(*from, room_).value();
              RONDO_CHILD_REQUIRE(received.lost && received.descriptors.empty());
              RONDO_CHILD_REQUIRE(received.size == 3);
              return 0;
            }),
            0);
}

TEST_F(DescriptorsTest, UnderWayAreLimitedByTheKernel) {
  EXPECT_EQ(in_child([this] {
              // The limit does not apply to a process that may raise it.
              if (::geteuid() == 0) RONDO_CHILD_REQUIRE(::seteuid(65'534) == 0);
              rlimit limit{64, 64};
              RONDO_CHILD_REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
              auto [a, b] = pair();
              const std::vector<int> fds(16, a.fd());
              const auto before = open_descriptors();
              // The kernel counts them for each user, so other processes of this user may hold
              // some.
              int sent = 0;
              auto size = send_descriptors(a, bytes("x"), fds);
              for (; size && sent < 100; ++sent) size = send_descriptors(a, bytes("x"), fds);
              RONDO_CHILD_REQUIRE(!size);
              RONDO_CHILD_REQUIRE(size.error().value() == ETOOMANYREFS);
              for (; sent > 0; --sent) {
                const auto received = receive_with_descriptors(b, room_).value();
                RONDO_CHILD_REQUIRE(received.size == 1);
                RONDO_CHILD_REQUIRE(received.descriptors.size() == 16);
              }
              RONDO_CHILD_REQUIRE(open_descriptors() == before);
              return 0;
            }),
            0);
}

TEST_F(DescriptorsTest, FlagATruncatedDatagram) {
  auto [a, b] = pair(SocketType::datagram);
  const int fd = a.fd();
  EXPECT_EQ(send_descriptors(a, bytes("abcdef"), {&fd, 1}).value(), 6U);
  const auto received = receive_with_descriptors(b, std::span{room_}.first(2)).value();
  EXPECT_TRUE(received.truncated);
  EXPECT_EQ(received.size, 2U);
  EXPECT_EQ(received.descriptors.size(), 1U);
}

}  // namespace
}  // namespace rondo
