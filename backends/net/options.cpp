// Setting and getting options by name.
//
// What is no plain int is made one here: a flag is 0 or 1 and nothing else, as the kernel would
// take any number for true; linger is -1 or seconds. The kernel checks the ranges of the others,
// but for those below zero, which it takes for very large ones here and there. Where IPv4 and IPv6
// differ, the socket is asked for its family: such options are set once in a socket's life.
#define __APPLE_USE_RFC_3542  // NOLINT: Apple's name, which shows IPV6_RECVPKTINFO
#include "options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <climits>

#include "groups.h"

namespace rondo::backends {
namespace {

int failure() noexcept { return errno == EINTR ? -EAGAIN : -errno; }

OptionNumber common_number_of(SocketOption option) noexcept {
  switch (option) {
    case SocketOption::reuse_address:
      return {SOL_SOCKET, SO_REUSEADDR, Form::flag};
    case SocketOption::reuse_port:
      return {SOL_SOCKET, SO_REUSEPORT, Form::flag};
    case SocketOption::receive_buffer:
      return {SOL_SOCKET, SO_RCVBUF};
    case SocketOption::send_buffer:
      return {SOL_SOCKET, SO_SNDBUF};
    case SocketOption::linger:
      return {SOL_SOCKET, SO_LINGER, Form::linger};
    case SocketOption::broadcast:
      return {SOL_SOCKET, SO_BROADCAST, Form::flag};
    case SocketOption::ipv6_only:
      return {IPPROTO_IPV6, IPV6_V6ONLY, Form::flag};
    case SocketOption::nodelay:
      return {IPPROTO_TCP, TCP_NODELAY, Form::flag};
    case SocketOption::keep_alive:
      return {SOL_SOCKET, SO_KEEPALIVE, Form::flag};
    default:
      return {};
  }
}

OptionNumber common_number_of_ipv4(SocketOption option) noexcept {
  switch (option) {
    case SocketOption::ttl:
      return {IPPROTO_IP, IP_TTL};
    case SocketOption::multicast_ttl:
      return {IPPROTO_IP, IP_MULTICAST_TTL};
    case SocketOption::multicast_loop:
      return {IPPROTO_IP, IP_MULTICAST_LOOP, Form::flag};
    case SocketOption::multicast_interface:
      return {IPPROTO_IP, IP_MULTICAST_IF, Form::interface_of_ipv4};
    default:
      return {};
  }
}

OptionNumber common_number_of_ipv6(SocketOption option) noexcept {
  switch (option) {
    case SocketOption::ttl:
      return {IPPROTO_IPV6, IPV6_UNICAST_HOPS};
    case SocketOption::multicast_ttl:
      return {IPPROTO_IPV6, IPV6_MULTICAST_HOPS};
    case SocketOption::multicast_loop:
      return {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, Form::flag};
    case SocketOption::multicast_interface:
      return {IPPROTO_IPV6, IPV6_MULTICAST_IF};
    case SocketOption::packet_info:
      return {IPPROTO_IPV6, IPV6_RECVPKTINFO, Form::flag};
    default:
      return {};
  }
}

OptionNumber number_of(SocketOption option, int domain) noexcept {
  if (is_of_family(option) && domain != AF_INET && domain != AF_INET6) return {};
  const OptionNumber own = own_number_of(option, domain);
  if (own.level >= 0) return own;
  if (!is_of_family(option)) return common_number_of(option);
  return domain == AF_INET6 ? common_number_of_ipv6(option) : common_number_of_ipv4(option);
}

/// The number of the option on this socket, or the negative errno in `error`.
OptionNumber find(int fd, SocketOption option, int& error) noexcept {
  int domain = AF_UNSPEC;
  error = 0;
  if (is_of_family(option)) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      error = failure();
      return {};
    }
    domain = address.ss_family;
  }
  const OptionNumber number = number_of(option, domain);
  if (number.level < 0) error = -ENOPROTOOPT;
  return number;
}

template <typename Value>
int set_value(int fd, const OptionNumber& number, const Value& value) noexcept {
  return ::setsockopt(fd, number.level, number.name, &value, sizeof(value)) == 0 ? 0 : failure();
}

}  // namespace

int set_option(int fd, SocketOption option, int value) noexcept {
  int error = 0;
  const OptionNumber number = find(fd, option, error);
  if (error != 0) return error;
  if (number.form == Form::linger) {
    if (value < -1) return -EINVAL;
    return set_value(fd, number, linger{value < 0 ? 0 : 1, value < 0 ? 0 : value});
  }
  if (value < 0 || (number.form == Form::flag && value > 1)) return -EINVAL;
  if (number.form == Form::interface_of_ipv4)
    return set_multicast_interface_of_ipv4(fd, value) == 0 ? 0 : failure();
  if (number.form == Form::byte) {
    if (value > UCHAR_MAX) return -EINVAL;
    return set_value(fd, number, static_cast<unsigned char>(value));
  }
  const int result = set_value(fd, number, value);
  if (result != 0 || number.name_too < 0) return result;
  return set_value(fd, {number.level, number.name_too}, value);
}

int get_option(int fd, SocketOption option, int& value) noexcept {
  int error = 0;
  const OptionNumber number = find(fd, option, error);
  if (error != 0) return error;
  if (number.form == Form::interface_of_ipv4) return -ENOPROTOOPT;
  if (number.form == Form::linger) {
    linger found{};
    socklen_t size = sizeof(found);
    if (::getsockopt(fd, number.level, number.name, &found, &size) != 0) return failure();
    value = found.l_onoff == 0 ? -1 : found.l_linger;
    return 0;
  }
  int found = 0;
  socklen_t size = sizeof(found);
  if (::getsockopt(fd, number.level, number.name, &found, &size) != 0) return failure();
  // Some systems keep a byte. Others keep a flag as whatever bit stands for it.
  if (size == 1) found = *reinterpret_cast<const unsigned char*>(&found);
  value = number.form == Form::flag ? static_cast<int>(found != 0) : found;
  return 0;
}

}  // namespace rondo::backends
