// SPDX-License-Identifier: MIT
// FreeBSD and OpenBSD: the packet information of IPv4 in two messages.
//
// IP_RECVDSTADDR reports the address in the datagram's header, IP_RECVIF the interface. The
// broadcast address of a subnet is taken for unicast. A datagram to send can choose its source
// address (IP_SENDSRCADDR) but not its interface.
#include <sys/types.h>  // first: <net/if_dl.h> does not include it

#include <net/if_dl.h>
#include <netinet/in.h>

#include "info.h"

namespace rondo::backends {

void write_ipv4_info(const MessageInfo& info, ControlWriter& writer) noexcept {
  const in_addr source = reinterpret_cast<const sockaddr_in*>(info.local.system())->sin_addr;
  if (source.s_addr != INADDR_ANY) writer.add(IPPROTO_IP, IP_SENDSRCADDR, &source, sizeof(source));
}

bool read_ipv4_info(const cmsghdr& part, MessageInfo& info) noexcept {
  if (part.cmsg_level != IPPROTO_IP) return false;
  if (part.cmsg_type == IP_RECVDSTADDR) {
    const auto address = value_of<in_addr>(part);
    info.local = endpoint_of_ipv4(address);
    info.unicast = is_unicast(address);
    return true;
  }
  if (part.cmsg_type != IP_RECVIF) return false;
  info.interface = reinterpret_cast<const sockaddr_dl*>(data_of(part))->sdl_index;
  return true;
}

}  // namespace rondo::backends
