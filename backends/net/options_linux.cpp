// The numbers of options that Linux has, or names in its way: socket(7), tcp(7), ip(7), udp(7).
//
// An accepted socket begins as a copy of its listener, options included. UDP_SEGMENT came with
// Linux 4.18, UDP_GRO with 5.0.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "options.h"

namespace rondo::backends {

const bool accepted_inherit_options = true;

OptionNumber own_number_of(SocketOption option, int domain) noexcept {
  switch (option) {
    case SocketOption::busy_poll:
      return {SOL_SOCKET, SO_BUSY_POLL};
    case SocketOption::keep_alive_idle:
      return {IPPROTO_TCP, TCP_KEEPIDLE};
    case SocketOption::keep_alive_interval:
      return {IPPROTO_TCP, TCP_KEEPINTVL};
    case SocketOption::keep_alive_count:
      return {IPPROTO_TCP, TCP_KEEPCNT};
    case SocketOption::user_timeout:
      return {IPPROTO_TCP, TCP_USER_TIMEOUT};
    case SocketOption::notsent_lowat:
      return {IPPROTO_TCP, TCP_NOTSENT_LOWAT};
    case SocketOption::fast_open:
      return {IPPROTO_TCP, TCP_FASTOPEN};
    case SocketOption::fast_open_connect:
      return {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, Form::flag};
    case SocketOption::defer_accept:
      return {IPPROTO_TCP, TCP_DEFER_ACCEPT};
    case SocketOption::packet_info:
      if (domain == AF_INET6) return {};
      return {IPPROTO_IP, IP_PKTINFO, Form::flag};
    case SocketOption::receive_offload:
      return {IPPROTO_UDP, UDP_GRO, Form::flag};
    case SocketOption::send_offload:
      return {IPPROTO_UDP, UDP_SEGMENT};
    default:
      return {};
  }
}

}  // namespace rondo::backends
