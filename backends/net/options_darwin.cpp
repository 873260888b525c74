// SPDX-License-Identifier: MIT
// Options that differ on macOS. It lacks user_timeout, fast_open_connect, defer_accept, busy_poll,
// receive_offload and send_offload.
//
// fast_open is a flag in the kernel: any queue length above 0 switches it on. SO_LINGER counts
// clock ticks, SO_LINGER_SEC seconds. It depends on the option whether an accepted socket inherits
// it from the listener; rondo assumes that none is inherited.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "options.h"

namespace rondo::backends {
namespace {

constexpr OptionNumber options[] = {
    {SocketOption::linger, Form::linger, SOL_SOCKET, SO_LINGER_SEC},
    {SocketOption::keep_alive_idle, Form::number, IPPROTO_TCP, TCP_KEEPALIVE},
    {SocketOption::keep_alive_interval, Form::number, IPPROTO_TCP, TCP_KEEPINTVL},
    {SocketOption::keep_alive_count, Form::number, IPPROTO_TCP, TCP_KEEPCNT},
    {SocketOption::notsent_lowat, Form::number, IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {SocketOption::fast_open, Form::number, IPPROTO_TCP, TCP_FASTOPEN},
    {SocketOption::packet_info, Form::flag, IPPROTO_IP, IP_RECVPKTINFO, AF_INET},
};

}  // namespace

const std::span<const OptionNumber> own_options = options;
const bool accepted_inherit_options = false;

}  // namespace rondo::backends
