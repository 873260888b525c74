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

OptionNumber own_number_of(Option option, int domain) noexcept {
  switch (option) {
    case Option::busy_poll:
      return {SOL_SOCKET, SO_BUSY_POLL};
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
    case Option::packet_info:
      if (domain == AF_INET6) return {};
      return {IPPROTO_IP, IP_PKTINFO, Form::flag};
    case Option::receive_offload:
      return {IPPROTO_UDP, UDP_GRO, Form::flag};
    case Option::send_offload:
      return {IPPROTO_UDP, UDP_SEGMENT};
    default:
      return {};
  }
}

}  // namespace rondo::backends
