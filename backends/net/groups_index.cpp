// SPDX-License-Identifier: MIT
// Linux, macOS, FreeBSD: interfaces by index, with group_req (RFC 3678) and ip_mreqn.
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "groups.h"

namespace rondo::backends {

int change_membership(int fd, const Endpoint& group, std::uint32_t interface,
                      bool member) noexcept {
  group_req request{};
  request.gr_interface = interface;
  std::memcpy(&request.gr_group, group.system(), group.system_size());
  const int level = group.family() == AddressFamily::ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
  const int name = member ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP;
  return ::setsockopt(fd, level, name, &request, sizeof(request));
}

int change_source_membership(int fd, const Endpoint& group, const Endpoint& source,
                             std::uint32_t interface, bool member) noexcept {
  group_source_req request{};
  request.gsr_interface = interface;
  std::memcpy(&request.gsr_group, group.system(), group.system_size());
  std::memcpy(&request.gsr_source, source.system(), source.system_size());
  const int level = group.family() == AddressFamily::ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
  const int name = member ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP;
  return ::setsockopt(fd, level, name, &request, sizeof(request));
}

int set_multicast_interface_of_ipv4(int fd, int interface) noexcept {
  ip_mreqn request{};
  request.imr_ifindex = interface;
  return ::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof(request));
}

}  // namespace rondo::backends
