// The numbers of options on macOS. What it lacks: user_timeout, fast_open_connect, defer_accept,
// busy_poll, receive_offload, send_offload.
//
// Its fast_open is a flag in the kernel, for which any queue above 0 counts as on. SO_LINGER counts
// ticks; SO_LINGER_SEC seconds. Whether an accepted socket has the options of its listener differs
// by option, so it is said to have none.
#define __APPLE_USE_RFC_3542  // IPV6_RECVPKTINFO
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net_options.h"

namespace rondo::backends {
namespace {

OptionNumber number_of_family(Option option, int domain) noexcept {
  const bool ipv6 = domain == AF_INET6;
  if (!ipv6 && domain != AF_INET) return {};
  switch (option) {
    case Option::ttl:
      if (ipv6) return {IPPROTO_IPV6, IPV6_UNICAST_HOPS};
      return {IPPROTO_IP, IP_TTL};
    case Option::multicast_ttl:
      if (ipv6) return {IPPROTO_IPV6, IPV6_MULTICAST_HOPS};
      return {IPPROTO_IP, IP_MULTICAST_TTL};
    case Option::multicast_loop:
      if (ipv6) return {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, Form::flag};
      return {IPPROTO_IP, IP_MULTICAST_LOOP, Form::flag};
    case Option::multicast_interface:
      if (ipv6) return {IPPROTO_IPV6, IPV6_MULTICAST_IF};
      return {IPPROTO_IP, IP_MULTICAST_IF, Form::interface_of_ipv4};
    case Option::packet_info:
      if (ipv6) return {IPPROTO_IPV6, IPV6_RECVPKTINFO, Form::flag};
      return {IPPROTO_IP, IP_RECVPKTINFO, Form::flag};
    default:
      return {};
  }
}

}  // namespace

const bool accepted_inherit_options = false;

OptionNumber number_of(Option option, int domain) noexcept {
  switch (option) {
    case Option::reuse_address:
      return {SOL_SOCKET, SO_REUSEADDR, Form::flag};
    case Option::reuse_port:
      return {SOL_SOCKET, SO_REUSEPORT, Form::flag};
    case Option::receive_buffer:
      return {SOL_SOCKET, SO_RCVBUF};
    case Option::send_buffer:
      return {SOL_SOCKET, SO_SNDBUF};
    case Option::linger:
      return {SOL_SOCKET, SO_LINGER_SEC, Form::linger};
    case Option::broadcast:
      return {SOL_SOCKET, SO_BROADCAST, Form::flag};
    case Option::ipv6_only:
      return {IPPROTO_IPV6, IPV6_V6ONLY, Form::flag};
    case Option::nodelay:
      return {IPPROTO_TCP, TCP_NODELAY, Form::flag};
    case Option::keep_alive:
      return {SOL_SOCKET, SO_KEEPALIVE, Form::flag};
    case Option::keep_alive_idle:
      return {IPPROTO_TCP, TCP_KEEPALIVE};
    case Option::keep_alive_interval:
      return {IPPROTO_TCP, TCP_KEEPINTVL};
    case Option::keep_alive_count:
      return {IPPROTO_TCP, TCP_KEEPCNT};
    case Option::notsent_lowat:
      return {IPPROTO_TCP, TCP_NOTSENT_LOWAT};
    case Option::fast_open:
      return {IPPROTO_TCP, TCP_FASTOPEN};
    default:
      return number_of_family(option, domain);
  }
}

}  // namespace rondo::backends
