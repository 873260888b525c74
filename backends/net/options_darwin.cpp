// The numbers of options that macOS names in its way. What it lacks: user_timeout,
// fast_open_connect, defer_accept, busy_poll, receive_offload, send_offload.
//
// Its fast_open is a flag in the kernel, for which any queue above 0 counts as on. SO_LINGER counts
// ticks; SO_LINGER_SEC seconds. Whether an accepted socket has the options of its listener differs
// by option, so it is said to have none.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "options.h"

namespace rondo::backends {

const bool accepted_inherit_options = false;

OptionNumber own_number_of(SocketOption option, int domain) noexcept {
  switch (option) {
    case SocketOption::linger:
      return {SOL_SOCKET, SO_LINGER_SEC, Form::linger};
    case SocketOption::keep_alive_idle:
      return {IPPROTO_TCP, TCP_KEEPALIVE};
    case SocketOption::keep_alive_interval:
      return {IPPROTO_TCP, TCP_KEEPINTVL};
    case SocketOption::keep_alive_count:
      return {IPPROTO_TCP, TCP_KEEPCNT};
    case SocketOption::notsent_lowat:
      return {IPPROTO_TCP, TCP_NOTSENT_LOWAT};
    case SocketOption::fast_open:
      return {IPPROTO_TCP, TCP_FASTOPEN};
    case SocketOption::packet_info:
      if (domain == AF_INET6) return {};
      return {IPPROTO_IP, IP_RECVPKTINFO, Form::flag};
    default:
      return {};
  }
}

}  // namespace rondo::backends
