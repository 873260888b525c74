#include "listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bench {
namespace {

constexpr int backlog = 4096;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(EXIT_FAILURE);
}

[[noreturn]] void usage(const char* program) {
  std::fprintf(stderr, "usage: %s [--listen IPV4:PORT]\n", program);
  std::exit(EXIT_FAILURE);
}

sockaddr_in address_of(std::string_view endpoint, const char* program) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const std::size_t colon = endpoint.rfind(':');
  if (colon == std::string_view::npos) usage(program);
  const std::string host{endpoint.substr(0, colon)};
  const std::string_view port = endpoint.substr(colon + 1);
  std::uint16_t number = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != port.data() + port.size()) usage(program);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) usage(program);
  address.sin_port = htons(number);
  return address;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Where `--listen` says.
sockaddr_in wanted_address(int argc, char** argv) {
  std::string_view endpoint = "127.0.0.1:8888";
  if (argc == 3 && std::string_view{argv[1]} == "--listen")
    endpoint = argv[2];
  else if (argc != 1)
    usage(argv[0]);
  return address_of(endpoint, argv[0]);
}

int open_bound(int type, sockaddr_in address) {
  const int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind");
  return fd;
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

}  // namespace

int open_listener(int argc, char** argv) {
  const sockaddr_in address = wanted_address(argc, argv);
  raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);
  const int fd = open_bound(SOCK_STREAM, address);
  if (listen(fd, backlog) != 0) die("listen");
  announce(fd);
  return fd;
}

int open_datagram_socket(int argc, char** argv) {
  const int fd = open_bound(SOCK_DGRAM, wanted_address(argc, argv));
  announce(fd);
  return fd;
}

int accept_client(int listener) noexcept {
  return accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

}  // namespace bench
