// How an Endpoint is laid out, for the two files that look inside.
//
// The storage holds what the system's calls take, in one normal form per address, so that equal
// endpoints have equal significant bytes:
//   IPv4, IPv6   the whole sockaddr; the padding is zero
//   pathname     family, the path, one NUL where it fits; the size counts that NUL
//   abstract     family, a NUL, the name, which may contain any byte; the size ends it (unix(7))
//   unnamed      the family alone
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

// Linux alone has abstract names. The BSDs and macOS are known by the length byte in their
// sockaddr; there a path that begins with a NUL is an unnamed socket.
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

/// The bytes behind the family, with the NULs that belong to the form.
inline std::string_view unix_bytes(const Endpoint& endpoint) noexcept {
  return {reinterpret_cast<const char*>(endpoint.system()) + unix_path_offset,
          endpoint.system_size() - unix_path_offset};
}

}  // namespace rondo::detail
