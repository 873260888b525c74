// SPDX-License-Identifier: MIT
// The layout of an Endpoint, for the two files that need it.
//
// The storage holds a sockaddr in one normal form for each address, so that equal endpoints have
// equal significant bytes:
//   IPv4, IPv6   the whole sockaddr; the padding is zero
//   pathname     the family, the path, and a NUL if it fits; the size includes that NUL
//   abstract     the family, a NUL and the name, which may contain any byte; see unix(7)
//   unnamed      only the family
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

#include <rondo/endpoint.h>

namespace rondo::detail {

constexpr std::size_t unix_path_offset = offsetof(sockaddr_un, sun_path);
constexpr std::size_t unix_path_size = sizeof(sockaddr_un::sun_path);

// Only Linux has abstract names. The BSDs and macOS, which have a length byte in their sockaddr,
// treat a path that begins with a NUL as an unnamed socket.
template <typename Address>
constexpr bool has_abstract_names = !requires(Address address) { address.sun_len; };

template <typename Address>
Address load(const Endpoint& endpoint) noexcept {
  Address address{};
  std::memcpy(&address, endpoint.system(), std::min(sizeof(address), endpoint.system_size()));
  return address;
}

template <typename Address>
Endpoint store(const Address& address, std::size_t size = sizeof(Address)) noexcept {
  return Endpoint::from_system(reinterpret_cast<const sockaddr*>(&address), size).value();
}

/// The bytes after the family, with the NULs of the normal form.
inline std::string_view unix_bytes(const Endpoint& endpoint) noexcept {
  return {reinterpret_cast<const char*>(endpoint.system()) + unix_path_offset,
          endpoint.system_size() - unix_path_offset};
}

}  // namespace rondo::detail
