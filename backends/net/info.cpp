// SPDX-License-Identifier: MIT
// The control messages that are the same on all systems: the packet information of IPv6, which has
// only the address in the datagram's header. IPv6 has no broadcast. An IPv6 socket that also serves
// IPv4 reports and accepts mapped addresses.
#define __APPLE_USE_RFC_3542  // NOLINT: Apple's name, which shows in6_pktinfo
#include "info.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include <rondo/assert.h>

#include "descriptor.h"

namespace rondo::backends {
namespace {

template <typename SystemAddress>
Endpoint endpoint_of(const SystemAddress& address) noexcept {
  const auto made =
      Endpoint::from_system(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  return made ? *made : Endpoint{};
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

/// Closes the received descriptors: the kernel has opened all that there was room for.
void close_all(const cmsghdr& rights) noexcept {
  const std::size_t size = static_cast<std::size_t>(rights.cmsg_len) - CMSG_LEN(0);
  for (std::size_t offset = 0; offset + sizeof(int) <= size; offset += sizeof(int)) {
    int fd = -1;
    std::memcpy(&fd, data_of(rights) + offset, sizeof(fd));
    const Descriptor closed{fd};
  }
}

}  // namespace

Endpoint endpoint_of_ipv4(const in_addr& address) noexcept {
  sockaddr_in whole{};
  whole.sin_family = AF_INET;
  whole.sin_addr = address;
  return endpoint_of(whole);
}

bool is_unicast(const in_addr& address) noexcept {
  const in_addr_t number = ntohl(address.s_addr);
  return !IN_MULTICAST(number) && number != INADDR_BROADCAST;
}

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
  if (info.local.family() == AddressFamily::ipv6) {
    in6_pktinfo packet{};
    packet.ipi6_addr = reinterpret_cast<const sockaddr_in6*>(info.local.system())->sin6_addr;
    packet.ipi6_ifindex = info.interface;
    writer.add(IPPROTO_IPV6, IPV6_PKTINFO, &packet, sizeof(packet));
  } else if (info.local != Endpoint{} || info.interface != 0) {
    write_ipv4_info(info, writer);
  }
  if (info.segment_size != 0) write_segment_size(info.segment_size, writer);
  return writer.size();
}

bool read_info(const msghdr& header, MessageInfo& info) noexcept {
  bool had_descriptors = false;
  auto* const message = const_cast<msghdr*>(&header);  // the macros of some systems need it
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
      close_all(*part);
      had_descriptors = true;
      continue;
    }
    if (read_ipv4_info(*part, info)) continue;
    if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      read_packet_info(value_of<in6_pktinfo>(*part), info);
    } else {
      read_segment_size(*part, info);
    }
  }
  return had_descriptors;
}

}  // namespace rondo::backends
