// SPDX-License-Identifier: MIT
// The socket functions that c-ares calls, and what they hide from it.
#include "names/cares_sockets.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string>

#include <rondo/reactor.h>

#include "support/descriptor_census.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

/// A datagram socket of c-ares, connected to a name server that the test plays.
class CaresSocketsTest : public DescriptorCensus, private detail::CaresSockets::Owner {
 protected:
  // libuv opens a pipe with the first loop of a process, which must be before the census.
  static void SetUpTestSuite() { const Reactor first; }
  CaresSocketsTest() {
    EXPECT_EQ(system_net().bind(server_.fd(), Endpoint::loopback(0)), 0);
    sockets_.use_server(server_.local_endpoint().value());
    const sockaddr_in stand_in = detail::CaresSockets::stand_in();
    const auto* const address = reinterpret_cast<const sockaddr*>(&stand_in);
    EXPECT_EQ(functions.aconnect(fd_, address, sizeof(stand_in), &sockets_), 0);
    iovec query{text.data(), text.size()};
    EXPECT_EQ(functions.asendv(fd_, &query, 1, &sockets_), std::ssize(text));
    MutableBytes part{std::as_writable_bytes(std::span{text})};
    Message message{.address = &client_, .parts = {&part, 1}};
    EXPECT_EQ(system_net().receive(server_.fd(), {&message, 1}), 1);
  }
  ~CaresSocketsTest() override { functions.aclose(fd_, &sockets_); }

  void answer(std::string data) {
    MutableBytes part{std::as_writable_bytes(std::span{data})};
    Message message{.address = &client_, .parts = {&part, 1}};
    ASSERT_EQ(system_net().send(server_.fd(), {&message, 1}), 1);
  }
  /// Reads as c-ares does. Returns the size, or the negative errno.
  int receive() {
    std::array<char, 16> room;
    const auto size =
        functions.arecvfrom(fd_, room.data(), room.size(), 0, nullptr, nullptr, &sockets_);
    return static_cast<int>(size < 0 ? -errno : size);
  }
  void watch() { detail::CaresSockets::state_changed(&sockets_, fd_, 1, 0); }

  int ready_calls = 0;

 private:
  void on_socket_ready(int, Ready) override { ++ready_calls; }

  const ares_socket_functions& functions = detail::CaresSockets::functions;
  std::string text = "query";
  Socket server_ = Socket::make(system_net(), AddressFamily::ipv4, SocketType::datagram).value();
  Endpoint client_;

 protected:
  Reactor reactor;

 private:
  detail::CaresSockets sockets_{reactor, *this};
  ares_socket_t fd_ = functions.asocket(AF_INET, SOCK_DGRAM, 0, &sockets_);
};

TEST_F(CaresSocketsTest, HidesAnEmptyDatagram) {
  EXPECT_EQ(receive(), -EAGAIN);
  answer("");
  answer("four");
  EXPECT_EQ(receive(), -EAGAIN);  // 0 would be the end of a connection
  EXPECT_EQ(receive(), 4);
}

TEST_F(CaresSocketsTest, BoundsTheDatagramsOfATurn) {
  constexpr int count = detail::CaresSockets::reads_per_turn_max;
  for (int i = 0; i <= count; ++i) answer("four");
  for (int i = 0; i < count; ++i) ASSERT_EQ(receive(), 4);
  EXPECT_EQ(receive(), -EAGAIN);
  watch();
  EXPECT_TRUE(run_until(reactor, [&] { return ready_calls == 1; }));
  EXPECT_EQ(receive(), 4);
  EXPECT_EQ(receive(), -EAGAIN);
}

}  // namespace
}  // namespace rondo::test
