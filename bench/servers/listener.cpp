// SPDX-License-Identifier: MIT
#include "listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bench {
namespace {

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(EXIT_FAILURE);
}

[[noreturn]] void usage(const char* program) {
  std::fprintf(stderr, "usage: %s [--listen IPV4:PORT] [--buffer BYTES]\n", program);
  std::exit(EXIT_FAILURE);
}

template <typename Number>
bool parse(std::string_view text, Number& number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}

sockaddr_in address_of(const std::string& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const std::size_t colon = std::min(endpoint.rfind(':'), endpoint.size());
  std::uint16_t port = 0;
  if (inet_pton(AF_INET, endpoint.substr(0, colon).c_str(), &address.sin_addr) != 1 ||
      colon == endpoint.size() || !parse(std::string_view{endpoint}.substr(colon + 1), port)) {
    std::fprintf(stderr, "not IPV4:PORT: %s\n", endpoint.c_str());
    std::exit(EXIT_FAILURE);
  }
  address.sin_port = htons(port);
  return address;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int open_bound(int type, sockaddr_in address) {
  const int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind");
  return fd;
}

}  // namespace

Options prepare(int argc, char** argv) {
  raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc) usage(argv[0]);
    if (name == "--listen") {
      options.listen = argv[i + 1];
    } else if (name != "--buffer" || !parse(argv[i + 1], options.buffer_size) ||
               options.buffer_size == 0) {
      usage(argv[0]);
    }
  }
  return options;
}

void announce(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) die("getsockname");
  std::array<char, INET_ADDRSTRLEN> host{};
  inet_ntop(AF_INET, &address.sin_addr, host.data(), host.size());
  std::printf("listening on %s:%d\n", host.data(), ntohs(address.sin_port));
  std::fflush(stdout);
}

int open_listener(const Options& options) {
  const int fd = open_bound(SOCK_STREAM, address_of(options.listen));
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (listen(fd, backlog) != 0) die("listen");
  announce(fd);
  return fd;
}

int open_listener(int argc, char** argv) { return open_listener(prepare(argc, argv)); }

int open_datagram_socket(int argc, char** argv) {
  const int fd = open_bound(SOCK_DGRAM, address_of(prepare(argc, argv).listen));
  announce(fd);
  return fd;
}

int accept_client(int listener) noexcept {
  return accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

}  // namespace bench
