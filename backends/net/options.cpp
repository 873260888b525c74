// SPDX-License-Identifier: MIT
// Sets and gets options by name.
//
// Values that the system does not take as an int are converted here. A flag is 0 or 1 and nothing
// else, since the kernel takes any other number for true; linger is -1 or 0. The kernel
// checks the ranges of the others, but some kernels take a negative number for a very large one, so
// that is checked here. For options that differ between IPv4 and IPv6, the family of the socket is
// queried: they are set once in the life of a socket.
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

constexpr OptionNumber common_options[] = {
    {SocketOption::reuse_address, Form::flag, SOL_SOCKET, SO_REUSEADDR},
    {SocketOption::reuse_port, Form::flag, SOL_SOCKET, SO_REUSEPORT},
    {SocketOption::receive_buffer, Form::number, SOL_SOCKET, SO_RCVBUF},
    {SocketOption::send_buffer, Form::number, SOL_SOCKET, SO_SNDBUF},
    {SocketOption::linger, Form::linger, SOL_SOCKET, SO_LINGER},
    {SocketOption::broadcast, Form::flag, SOL_SOCKET, SO_BROADCAST},
    {SocketOption::ipv6_only, Form::flag, IPPROTO_IPV6, IPV6_V6ONLY},
    {SocketOption::nodelay, Form::flag, IPPROTO_TCP, TCP_NODELAY},
    {SocketOption::keep_alive, Form::flag, SOL_SOCKET, SO_KEEPALIVE},
    {SocketOption::ttl, Form::number, IPPROTO_IP, IP_TTL, AF_INET},
    {SocketOption::ttl, Form::number, IPPROTO_IPV6, IPV6_UNICAST_HOPS, AF_INET6},
    {SocketOption::multicast_ttl, Form::number, IPPROTO_IP, IP_MULTICAST_TTL, AF_INET},
    {SocketOption::multicast_ttl, Form::number, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, AF_INET6},
    {SocketOption::multicast_loop, Form::flag, IPPROTO_IP, IP_MULTICAST_LOOP, AF_INET},
    {SocketOption::multicast_loop, Form::flag, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, AF_INET6},
    {SocketOption::multicast_interface, Form::interface_of_ipv4, IPPROTO_IP, IP_MULTICAST_IF,
     AF_INET},
    {SocketOption::multicast_interface, Form::number, IPPROTO_IPV6, IPV6_MULTICAST_IF, AF_INET6},
    {SocketOption::packet_info, Form::flag, IPPROTO_IPV6, IPV6_RECVPKTINFO, AF_INET6},
};

/// The family of the socket, or a negative errno.
int domain_of(int fd) noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return failure();
  return address.ss_family;
}

/// The entry for the option on this socket, or null with a negative errno in `error`.
const OptionNumber* find(int fd, SocketOption option, int& error) noexcept {
  int domain = AF_UNSPEC;
  for (const auto options : {own_options, std::span<const OptionNumber>{common_options}}) {
    for (const OptionNumber& candidate : options) {
      if (candidate.option != option) continue;
      if (candidate.domain == AF_UNSPEC) return &candidate;
      if (domain == AF_UNSPEC) domain = domain_of(fd);
      if (domain < 0) {
        error = domain;
        return nullptr;
      }
      if (candidate.domain == domain) return &candidate;
    }
  }
  error = -ENOPROTOOPT;
  return nullptr;
}

template <typename Value>
int set_value(int fd, int level, int name, const Value& value) noexcept {
  return ::setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : failure();
}

}  // namespace

int set_option(int fd, SocketOption option, int value) noexcept {
  int error = 0;
  const OptionNumber* const entry = find(fd, option, error);
  if (entry == nullptr) return error;
  const OptionNumber& number = *entry;
  if (number.form == Form::linger) {
    if (value < -1) return -EINVAL;
    if (value > 0) return -EOPNOTSUPP;  // close() would block, also for a non-blocking socket
    return set_value(fd, number.level, number.name,
                     linger{value < 0 ? 0 : 1, value < 0 ? 0 : value});
  }
  if (value < 0 || (number.form == Form::flag && value > 1)) return -EINVAL;
  if (number.form == Form::interface_of_ipv4)
    return set_multicast_interface_of_ipv4(fd, value) == 0 ? 0 : failure();
  if (number.form == Form::byte) {
    if (value > UCHAR_MAX) return -EINVAL;
    return set_value(fd, number.level, number.name, static_cast<unsigned char>(value));
  }
  const int result = set_value(fd, number.level, number.name, value);
  if (result != 0 || number.second_name < 0) return result;
  return set_value(fd, number.level, number.second_name, value);
}

int get_option(int fd, SocketOption option, int& value) noexcept {
  int error = 0;
  const OptionNumber* const entry = find(fd, option, error);
  if (entry == nullptr) return error;
  const OptionNumber& number = *entry;
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
  // Some systems return a byte. Others return the bit of a flag in place of 1.
  if (size == 1) found = *reinterpret_cast<const unsigned char*>(&found);
  value = number.form == Form::flag ? static_cast<int>(found != 0) : found;
  return 0;
}

}  // namespace rondo::backends
