// SPDX-License-Identifier: MIT
// NetBSD and OpenBSD: IPv4 identifies an interface by an address. NetBSD also accepts its index as
// an address 0.x.y.z; OpenBSD does not, and returns EADDRNOTAVAIL.
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "groups.h"

namespace rondo::backends {
namespace {

in_addr address_of(std::uint32_t interface) noexcept {
  in_addr address{};
  address.s_addr = htonl(interface);
  return address;
}

}  // namespace

int change_membership(int fd, const Endpoint& group, std::uint32_t interface,
                      bool member) noexcept {
  if (group.family() == AddressFamily::ipv6) {
    ipv6_mreq request{};
    request.ipv6mr_multiaddr = reinterpret_cast<const sockaddr_in6*>(group.system())->sin6_addr;
    request.ipv6mr_interface = interface;
    const int name = member ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP;
    return ::setsockopt(fd, IPPROTO_IPV6, name, &request, sizeof(request));
  }
  ip_mreq request{};
  request.imr_multiaddr = reinterpret_cast<const sockaddr_in*>(group.system())->sin_addr;
  request.imr_interface = address_of(interface);
  const int name = member ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP;
  return ::setsockopt(fd, IPPROTO_IP, name, &request, sizeof(request));
}

int change_source_membership(int, const Endpoint&, const Endpoint&, std::uint32_t, bool) noexcept {
  errno = EOPNOTSUPP;
  return -1;
}

int set_multicast_interface_of_ipv4(int fd, int interface) noexcept {
  const in_addr address = address_of(static_cast<std::uint32_t>(interface));
  return ::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &address, sizeof(address));
}

}  // namespace rondo::backends
