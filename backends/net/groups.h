// Multicast, where IPv4 names an interface by its index on some systems and by an address on
// others. Meson picks one net_groups_*.cpp. Results follow the system's: -1, with errno set, on
// failure.
#pragma once

#include <cstdint>

#include <rondo/endpoint.h>

namespace rondo::backends {

/// `group` is of IPv4 or IPv6.
int change_membership(int fd, const Endpoint& group, std::uint32_t interface, bool member) noexcept;
int set_multicast_interface_of_ipv4(int fd, int interface) noexcept;

}  // namespace rondo::backends
