// SPDX-License-Identifier: MIT
// Options that differ on OpenBSD: ip(4). It lacks the times of keep_alive, user_timeout,
// notsent_lowat, fast_open, fast_open_connect, defer_accept, busy_poll, receive_offload and
// send_offload. An IPv6 socket never serves IPv4.
//
// The values of IPv4 multicast options are bytes. It depends on the option whether an accepted
// socket inherits it from the listener; rondo assumes that none is inherited.
#include <netinet/in.h>
#include <sys/socket.h>

#include "options.h"

namespace rondo::backends {
namespace {

constexpr OptionNumber options[] = {
    {SocketOption::multicast_ttl, Form::byte, IPPROTO_IP, IP_MULTICAST_TTL, AF_INET},
    {SocketOption::multicast_loop, Form::byte, IPPROTO_IP, IP_MULTICAST_LOOP, AF_INET},
    {SocketOption::packet_info, Form::flag, IPPROTO_IP, IP_RECVDSTADDR, AF_INET, IP_RECVIF},
};

}  // namespace

const std::span<const OptionNumber> own_options = options;
const bool accepted_inherit_options = false;

}  // namespace rondo::backends
