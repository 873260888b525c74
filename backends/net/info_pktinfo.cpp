// SPDX-License-Identifier: MIT
// Linux, macOS, NetBSD: the packet information of IPv4 in IP_PKTINFO.
//
// It reports two addresses: the one in the datagram's header, which may be a multicast or broadcast
// address, and the address of this host that a reply would have as its source. If they are equal,
// the datagram was unicast. NetBSD reports the first address in both fields: there the broadcast
// address of a subnet is taken for unicast.
#include <netinet/in.h>

#include "info.h"

namespace rondo::backends {

void write_ipv4_info(const MessageInfo& info, ControlWriter& writer) noexcept {
  in_pktinfo packet{};
  packet.ipi_spec_dst = reinterpret_cast<const sockaddr_in*>(info.local.system())->sin_addr;
  packet.ipi_ifindex = static_cast<decltype(packet.ipi_ifindex)>(info.interface);
  writer.add(IPPROTO_IP, IP_PKTINFO, &packet, sizeof(packet));
}

bool read_ipv4_info(const cmsghdr& part, MessageInfo& info) noexcept {
  if (part.cmsg_level != IPPROTO_IP || part.cmsg_type != IP_PKTINFO) return false;
  const auto packet = value_of<in_pktinfo>(part);
  info.local = endpoint_of_ipv4(packet.ipi_addr);
  info.interface = static_cast<std::uint32_t>(packet.ipi_ifindex);
  info.unicast =
      packet.ipi_addr.s_addr == packet.ipi_spec_dst.s_addr && is_unicast(packet.ipi_addr);
  return true;
}

}  // namespace rondo::backends
