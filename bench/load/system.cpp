// SPDX-License-Identifier: MIT
#include "system.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace load {

namespace {

std::uint64_t nanoseconds(const timespec& time) noexcept {
  return static_cast<std::uint64_t>(time.tv_sec) * ns_per_second +
         static_cast<std::uint64_t>(time.tv_nsec);
}

// The kernel searches for a free port, which takes it ever longer when more than half of the ports
// of an address are in use: 10 s for 19,000 clients. So there are more addresses on loopback.
constexpr std::size_t clients_per_address = 8192;

void bind_to_address(int fd, const sockaddr_in& server, std::size_t index) {
  constexpr std::uint32_t loopback_net = 127;
  if (ntohl(server.sin_addr.s_addr) >> 24 != loopback_net) return;
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(index));
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0)
    die_with_errno("bind");
}

}  // namespace

std::uint64_t now_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return nanoseconds(now);
}

std::uint64_t cpu_ns_of(int pid) {
  if (pid == 0) return 0;
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
    die("the server is gone");
  return nanoseconds(used);
}

bool is_exhaustion(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
         error == EADDRNOTAVAIL;
}

int begin_connecting(const sockaddr_in& server, std::size_t number) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    if (!is_exhaustion(errno)) die_with_errno("socket");
    return -1;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (number >= clients_per_address) bind_to_address(fd, server, number / clients_per_address);
  const auto* const address = reinterpret_cast<const sockaddr*>(&server);
  if (connect(fd, address, sizeof server) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    if (!is_exhaustion(error)) die_with_errno("connect");
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

void reset(int fd) noexcept {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(fd);
}

void die(const char* what) {
  std::fprintf(stderr, "\nload: %s\n", what);
  std::exit(EXIT_FAILURE);
}

void die_with_errno(const char* what) {
  die((std::string{what} + ": " + std::strerror(errno)).c_str());
}

}  // namespace load
