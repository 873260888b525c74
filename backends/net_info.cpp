// Packet information, which the systems tell alike.
//
// IPv4 tells two addresses: the one in the datagram's header, which may be a group's or a
// broadcast, and the one of this host that an answer would come from. Where they are the same, it
// was unicast. IPv6 tells the first alone, and knows no broadcast. An IPv6 socket that serves IPv4
// tells and takes mapped addresses.
#define __APPLE_USE_RFC_3542  // NOLINT: Apple's name, which shows in6_pktinfo
#include "net_info.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include <rondo/assert.h>

namespace rondo::backends {
namespace {

template <typename SystemAddress>
Endpoint endpoint_of(const SystemAddress& address) noexcept {
  const auto made =
      Endpoint::from_system(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  return made ? *made : Endpoint{};
}

template <typename Value>
Value value_of(const cmsghdr& part) noexcept {
  Value value{};
  std::memcpy(&value, CMSG_DATA(const_cast<cmsghdr*>(&part)), sizeof(value));
  return value;
}

void read_packet_info(const in_pktinfo& packet, MessageInfo& info) noexcept {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr = packet.ipi_addr;
  info.local = endpoint_of(address);
  info.interface = static_cast<std::uint32_t>(packet.ipi_ifindex);
  info.unicast = packet.ipi_addr.s_addr == packet.ipi_spec_dst.s_addr;
}

void read_packet_info(const in6_pktinfo& packet, MessageInfo& info) noexcept {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = packet.ipi6_addr;
  if (IN6_IS_ADDR_LINKLOCAL(&packet.ipi6_addr)) address.sin6_scope_id = packet.ipi6_ifindex;
  info.local = endpoint_of(address);
  info.interface = packet.ipi6_ifindex;
  info.unicast = !IN6_IS_ADDR_MULTICAST(&packet.ipi6_addr);
}

}  // namespace

void ControlWriter::add(int level, int type, const void* value, std::size_t size) noexcept {
  const std::size_t space = CMSG_SPACE(size);
  RONDO_ASSERT(space <= room_.size() - used_);
  if (space > room_.size() - used_) return;
  auto* const part = reinterpret_cast<cmsghdr*>(room_.data() + used_);
  std::memset(part, 0, space);
  part->cmsg_level = level;
  part->cmsg_type = type;
  part->cmsg_len = static_cast<decltype(part->cmsg_len)>(CMSG_LEN(size));
  std::memcpy(CMSG_DATA(part), value, size);
  used_ += space;
}

std::size_t write_info(const MessageInfo& info, MutableBytes control) noexcept {
  ControlWriter writer{control};
  if (info.local.family() == Family::ipv6) {
    in6_pktinfo packet{};
    packet.ipi6_addr = reinterpret_cast<const sockaddr_in6*>(info.local.system())->sin6_addr;
    packet.ipi6_ifindex = info.interface;
    writer.add(IPPROTO_IPV6, IPV6_PKTINFO, &packet, sizeof(packet));
  } else if (info.local != Endpoint{} || info.interface != 0) {
    in_pktinfo packet{};
    packet.ipi_spec_dst = reinterpret_cast<const sockaddr_in*>(info.local.system())->sin_addr;
    packet.ipi_ifindex = static_cast<decltype(packet.ipi_ifindex)>(info.interface);
    writer.add(IPPROTO_IP, IP_PKTINFO, &packet, sizeof(packet));
  }
  if (info.segment_size != 0) write_segment_size(info.segment_size, writer);
  return writer.size();
}

void read_info(const msghdr& header, MessageInfo& info) noexcept {
  auto* const message = const_cast<msghdr*>(&header);  // as the macros of some systems want it
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      read_packet_info(value_of<in_pktinfo>(*part), info);
    } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      read_packet_info(value_of<in6_pktinfo>(*part), info);
    } else {
      read_segment_size(*part, info);
    }
  }
}

}  // namespace rondo::backends
