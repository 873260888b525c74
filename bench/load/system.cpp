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

std::uint64_t now_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * ns_per_second +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// The first number of schedstat.
std::uint64_t cpu_ns_of(int pid) {
  if (pid == 0) return 0;
  const std::string path = "/proc/" + std::to_string(pid) + "/schedstat";
  std::FILE* const file = std::fopen(path.c_str(), "re");
  if (file == nullptr) die_with_errno(path.c_str());
  unsigned long long value = 0;
  const bool read = std::fscanf(file, "%llu", &value) == 1;
  std::fclose(file);
  if (!read) die("no CPU time of the server in its schedstat");
  return value;
}

bool is_exhaustion(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
         error == EADDRNOTAVAIL;
}

int begin_connecting(const sockaddr_in& server) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    if (!is_exhaustion(errno)) die_with_errno("socket");
    return -1;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
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
