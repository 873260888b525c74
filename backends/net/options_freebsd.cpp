// SPDX-License-Identifier: MIT
// Options that differ on FreeBSD (12 or later): tcp(4), ip(4), setsockopt(2). It lacks
// user_timeout, notsent_lowat, fast_open_connect, defer_accept, busy_poll, receive_offload and
// send_offload.
//
// Only SO_REUSEPORT_LB distributes connections among listeners. fast_open is a flag in the kernel:
// any queue length above 0 switches it on. It depends on the option whether an accepted socket
// inherits it from the listener; rondo assumes that none is inherited.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "options.h"

namespace rondo::backends {
namespace {

constexpr OptionNumber options[] = {
    {SocketOption::reuse_port, Form::flag, SOL_SOCKET, SO_REUSEPORT_LB},
    {SocketOption::keep_alive_idle, Form::number, IPPROTO_TCP, TCP_KEEPIDLE},
    {SocketOption::keep_alive_interval, Form::number, IPPROTO_TCP, TCP_KEEPINTVL},
    {SocketOption::keep_alive_count, Form::number, IPPROTO_TCP, TCP_KEEPCNT},
    {SocketOption::fast_open, Form::number, IPPROTO_TCP, TCP_FASTOPEN},
    {SocketOption::packet_info, Form::flag, IPPROTO_IP, IP_RECVDSTADDR, AF_INET, IP_RECVIF},
};

}  // namespace

const std::span<const OptionNumber> own_options = options;
const bool accepted_inherit_options = false;

}  // namespace rondo::backends
