// SPDX-License-Identifier: MIT
// Multicast. For IPv4, some systems identify an interface by its index, others by an address: Meson
// picks one groups_*.cpp. The functions return -1 and set errno on failure.
#pragma once

#include <cstdint>

#include <rondo/endpoint.h>

namespace rondo::backends {

/// `group` is an IPv4 or IPv6 endpoint.
int change_membership(int fd, const Endpoint& group, std::uint32_t interface, bool member) noexcept;
/// EOPNOTSUPP where the system has no memberships by source (RFC 3678).
int change_source_membership(int fd, const Endpoint& group, const Endpoint& source,
                             std::uint32_t interface, bool member) noexcept;
int set_multicast_interface_of_ipv4(int fd, int interface) noexcept;

}  // namespace rondo::backends
