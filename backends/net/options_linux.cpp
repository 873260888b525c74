// SPDX-License-Identifier: MIT
// Options that only Linux has, or that differ there: socket(7), tcp(7), ip(7), udp(7).
//
// An accepted socket begins as a copy of its listener, options included. UDP_SEGMENT exists since
// Linux 4.18, UDP_GRO since 5.0.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "options.h"

namespace rondo::backends {
namespace {

constexpr OptionNumber options[] = {
    {SocketOption::busy_poll, Form::number, SOL_SOCKET, SO_BUSY_POLL},
    {SocketOption::keep_alive_idle, Form::number, IPPROTO_TCP, TCP_KEEPIDLE},
    {SocketOption::keep_alive_interval, Form::number, IPPROTO_TCP, TCP_KEEPINTVL},
    {SocketOption::keep_alive_count, Form::number, IPPROTO_TCP, TCP_KEEPCNT},
    {SocketOption::user_timeout, Form::number, IPPROTO_TCP, TCP_USER_TIMEOUT},
    {SocketOption::notsent_lowat, Form::number, IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {SocketOption::fast_open, Form::number, IPPROTO_TCP, TCP_FASTOPEN},
    {SocketOption::fast_open_connect, Form::flag, IPPROTO_TCP, TCP_FASTOPEN_CONNECT},
    {SocketOption::defer_accept, Form::number, IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {SocketOption::packet_info, Form::flag, IPPROTO_IP, IP_PKTINFO, AF_INET},
    {SocketOption::receive_offload, Form::flag, IPPROTO_UDP, UDP_GRO},
    {SocketOption::send_offload, Form::number, IPPROTO_UDP, UDP_SEGMENT},
};

}  // namespace

const std::span<const OptionNumber> own_options = options;
const bool accepted_inherit_options = true;

}  // namespace rondo::backends
