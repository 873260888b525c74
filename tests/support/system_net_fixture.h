// SPDX-License-Identifier: MIT
// What the tests of the system's Net share: descriptors that are closed at the end, and counted.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/net.h>

#include "support/descriptor_census.h"

namespace rondo::test {

inline Bytes bytes(std::string_view text) { return std::as_bytes(std::span{text}); }

/// A buffer that is read as text.
struct Buffer {
  std::array<char, 4096> room{};
  MutableBytes first(std::size_t size) {
    return std::as_writable_bytes(std::span{room}).first(size);
  }
  MutableBytes all() { return first(room.size()); }
  [[nodiscard]] std::string_view text(std::ptrdiff_t size) const {
    return {room.data(), static_cast<std::size_t>(size)};
  }
};

inline bool is_non_blocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }
inline bool is_close_on_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

inline void wait_for(int fd, short events) {
  pollfd entry{fd, events, 0};
  ASSERT_EQ(::poll(&entry, 1, 5000), 1);
}

class SystemNetFixture : public DescriptorCensus {
 protected:
  ~SystemNetFixture() override {
    for (const int fd : fds_) ::close(fd);
  }

  int keep(int fd) {
    EXPECT_GE(fd, 0) << std::strerror(-fd);
    if (fd >= 0) fds_.push_back(fd);
    return fd;
  }
  std::array<int, 2> pair(SocketType type = SocketType::stream) {
    int fds[2] = {-1, -1};
    EXPECT_EQ(net_.pair(type, fds), 0);
    return {keep(fds[0]), keep(fds[1])};
  }
  /// A blocking pipe, as an inherited one would be: its end to read, and the one to write.
  std::array<int, 2> pipe() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::pipe(fds), 0);
    return {keep(fds[0]), keep(fds[1])};
  }
  void close_now(int fd) {
    std::erase(fds_, fd);
    EXPECT_EQ(net_.close(fd), 0);
  }
  int listener(const Endpoint& local, Endpoint& address) {
    const int fd = keep(net_.socket(local.family(), SocketType::stream));
    EXPECT_EQ(net_.bind(fd, local), 0);
    EXPECT_EQ(net_.listen(fd, 8), 0);
    EXPECT_EQ(net_.local_endpoint(fd, address), 0);
    return fd;
  }
  int udp(Endpoint& address) {
    const int fd = keep(net_.socket(AddressFamily::ipv4, SocketType::datagram));
    EXPECT_EQ(net_.bind(fd, Endpoint::loopback(0)), 0);
    EXPECT_EQ(net_.local_endpoint(fd, address), 0);
    return fd;
  }

  Net& net_ = system_net();

 private:
  std::vector<int> fds_;
};

}  // namespace rondo::test
