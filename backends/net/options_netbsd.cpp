// The numbers of options that NetBSD (8 or later) names in its way: tcp(4), ip(4). What it lacks:
// user_timeout, notsent_lowat, fast_open, fast_open_connect, defer_accept, busy_poll,
// receive_offload, send_offload.
//
// Whether an accepted socket has the options of its listener differs by option, so it is said to
// have none.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "options.h"

namespace rondo::backends {

const bool accepted_inherit_options = false;

OptionNumber own_number_of(SocketOption option, int domain) noexcept {
  switch (option) {
    case SocketOption::keep_alive_idle:
      return {IPPROTO_TCP, TCP_KEEPIDLE};
    case SocketOption::keep_alive_interval:
      return {IPPROTO_TCP, TCP_KEEPINTVL};
    case SocketOption::keep_alive_count:
      return {IPPROTO_TCP, TCP_KEEPCNT};
    case SocketOption::packet_info:
      if (domain == AF_INET6) return {};
      return {IPPROTO_IP, IP_RECVPKTINFO, Form::flag};
    default:
      return {};
  }
}

}  // namespace rondo::backends
