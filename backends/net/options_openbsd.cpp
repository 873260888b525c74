// The numbers of options that OpenBSD names in its way: ip(4). What it lacks: the times of
// keep_alive, user_timeout, notsent_lowat, fast_open, fast_open_connect, defer_accept, busy_poll,
// receive_offload, send_offload. IPv6 sockets never serve IPv4.
//
// Multicast over IPv4 wants bytes. Whether an accepted socket has the options of its listener
// differs by option, so it is said to have none.
#include <netinet/in.h>
#include <sys/socket.h>

#include "options.h"

namespace rondo::backends {

const bool accepted_inherit_options = false;

OptionNumber own_number_of(SocketOption option, int domain) noexcept {
  switch (option) {
    case SocketOption::multicast_ttl:
      if (domain == AF_INET6) return {};
      return {IPPROTO_IP, IP_MULTICAST_TTL, Form::byte};
    case SocketOption::multicast_loop:
      if (domain == AF_INET6) return {};
      return {IPPROTO_IP, IP_MULTICAST_LOOP, Form::byte};
    case SocketOption::packet_info:
      if (domain == AF_INET6) return {};
      return {IPPROTO_IP, IP_RECVDSTADDR, Form::flag, IP_RECVIF};
    default:
      return {};
  }
}

}  // namespace rondo::backends
