// The numbers of options on Linux: socket(7), tcp(7), ip(7), ipv6(7), udp(7).
//
// An accepted socket begins as a copy of its listener, options included. UDP_SEGMENT came with
// Linux 4.18, UDP_GRO with 5.0.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
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
      return {IPPROTO_IP, IP_PKTINFO, Form::flag};
    default:
      return {};
  }
}

}  // namespace

const bool accepted_inherit_options = true;

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
    case Option::busy_poll:
      return {SOL_SOCKET, SO_BUSY_POLL};
    case Option::linger:
      return {SOL_SOCKET, SO_LINGER, Form::linger};
    case Option::broadcast:
      return {SOL_SOCKET, SO_BROADCAST, Form::flag};
    case Option::ipv6_only:
      return {IPPROTO_IPV6, IPV6_V6ONLY, Form::flag};
    case Option::nodelay:
      return {IPPROTO_TCP, TCP_NODELAY, Form::flag};
    case Option::keep_alive:
      return {SOL_SOCKET, SO_KEEPALIVE, Form::flag};
    case Option::keep_alive_idle:
      return {IPPROTO_TCP, TCP_KEEPIDLE};
    case Option::keep_alive_interval:
      return {IPPROTO_TCP, TCP_KEEPINTVL};
    case Option::keep_alive_count:
      return {IPPROTO_TCP, TCP_KEEPCNT};
    case Option::user_timeout:
      return {IPPROTO_TCP, TCP_USER_TIMEOUT};
    case Option::notsent_lowat:
      return {IPPROTO_TCP, TCP_NOTSENT_LOWAT};
    case Option::fast_open:
      return {IPPROTO_TCP, TCP_FASTOPEN};
    case Option::fast_open_connect:
      return {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, Form::flag};
    case Option::defer_accept:
      return {IPPROTO_TCP, TCP_DEFER_ACCEPT};
    case Option::receive_offload:
      return {IPPROTO_UDP, UDP_GRO, Form::flag};
    case Option::send_offload:
      return {IPPROTO_UDP, UDP_SEGMENT};
    default:
      return number_of_family(option, domain);
  }
}

}  // namespace rondo::backends
