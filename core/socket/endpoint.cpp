// SPDX-License-Identifier: MIT
// Endpoint: a socket address as a value. endpoint_storage.h has its layout, endpoint_text.cpp
// parses and prints it.
//
// Comparison and hash use the key: address, scope and port in network order, or the Unix name. A
// flow label is kept, but is not part of the key.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <functional>

#include <rondo/assert.h>
#include <rondo/endpoint.h>

#include "endpoint_storage.h"

namespace rondo {
namespace {

using detail::has_abstract_names;
using detail::load;
using detail::store;
using detail::unix_bytes;
using detail::unix_path_offset;
using detail::unix_path_size;

constexpr std::size_t inet_key_max = sizeof(in6_addr) + sizeof(std::uint32_t) + sizeof(in_port_t);

/// The key of an endpoint, for the comparison with another one of its family. It lies in `room` or
/// in the endpoint.
std::string_view key_of(const Endpoint& endpoint, std::array<char, inet_key_max>& room) noexcept {
  std::size_t size = 0;
  const auto append = [&](const auto& field) {
    std::memcpy(room.data() + size, &field, sizeof(field));
    size += sizeof(field);
  };
  switch (endpoint.family()) {
    case AddressFamily::ipv4: {
      const auto address = load<sockaddr_in>(endpoint);
      append(address.sin_addr);
      append(address.sin_port);
      break;
    }
    case AddressFamily::ipv6: {
      const auto address = load<sockaddr_in6>(endpoint);
      append(address.sin6_addr);
      append(htonl(address.sin6_scope_id));
      append(address.sin6_port);
      break;
    }
    case AddressFamily::unix_domain:
      return unix_bytes(endpoint);
  }
  return {room.data(), size};
}

Endpoint inet(AddressFamily family, std::uint32_t ipv4, const in6_addr& ipv6) noexcept {
  RONDO_REQUIRE(family != AddressFamily::unix_domain,
                "an Endpoint with a port was made for a Unix socket, which has a path.");
  if (family == AddressFamily::ipv6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = ipv6;
    return store(address);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(ipv4);
  return store(address);
}

}  // namespace

Endpoint::Endpoint() noexcept : size_(sizeof(sockaddr_in)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  std::memcpy(storage_, &address, sizeof(address));
}

Endpoint Endpoint::loopback(std::uint16_t port, AddressFamily family) noexcept {
  return inet(family, INADDR_LOOPBACK, in6addr_loopback).with_port(port);
}

Endpoint Endpoint::any(std::uint16_t port, AddressFamily family) noexcept {
  return inet(family, INADDR_ANY, in6addr_any).with_port(port);
}

Result<Endpoint, std::error_code> Endpoint::from_system(const ::sockaddr* address,
                                                        std::size_t size) noexcept {
  if (address == nullptr || size < offsetof(sockaddr, sa_family) + sizeof(sa_family_t)) {
    return std::errc::invalid_argument;
  }
  Endpoint endpoint;
  const auto copy = [&](std::size_t significant) {  // at least the family; the rest is zero
    std::memcpy(endpoint.storage_, address, significant);
    endpoint.size_ = static_cast<std::uint32_t>(significant);
  };
  switch (address->sa_family) {
    case AF_INET:
      if (size < sizeof(sockaddr_in)) return std::errc::invalid_argument;
      copy(offsetof(sockaddr_in, sin_zero));
      endpoint.size_ = sizeof(sockaddr_in);
      return endpoint;
    case AF_INET6:
      if (size < sizeof(sockaddr_in6)) return std::errc::invalid_argument;
      copy(sizeof(sockaddr_in6));
      return endpoint;
    case AF_UNIX:
      break;
    default:
      return std::errc::address_family_not_supported;
  }
  // If a path fills sun_path, Linux counts a NUL after its end (unix(7), BUGS).
  if (size > unix_path_offset + unix_path_size + 1) return std::errc::invalid_argument;
  const std::size_t given = std::min(size - unix_path_offset, unix_path_size);
  const char* path = reinterpret_cast<const char*>(address) + unix_path_offset;
  const std::size_t length = strnlen(path, given);
  if (length > 0) {
    copy(unix_path_offset + length);
    endpoint.size_ += length < unix_path_size ? 1 : 0;
  } else {
    copy(unix_path_offset + (has_abstract_names<sockaddr_un> ? given : 0));
  }
  return endpoint;
}

const ::sockaddr* Endpoint::system() const noexcept {
  return reinterpret_cast<const sockaddr*>(storage_);
}

AddressFamily Endpoint::family() const noexcept {
  switch (system()->sa_family) {
    case AF_INET:
      return AddressFamily::ipv4;
    case AF_INET6:
      return AddressFamily::ipv6;
    default:
      return AddressFamily::unix_domain;
  }
}

std::uint16_t Endpoint::port() const noexcept {
  switch (family()) {
    case AddressFamily::ipv4:
      return ntohs(load<sockaddr_in>(*this).sin_port);
    case AddressFamily::ipv6:
      return ntohs(load<sockaddr_in6>(*this).sin6_port);
    case AddressFamily::unix_domain:
      break;
  }
  return 0;
}

Endpoint Endpoint::with_port(std::uint16_t port) const noexcept {
  if (family() == AddressFamily::unix_domain) return *this;
  // The port has the same offset in both families (RFC 3493, 3.3).
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  Endpoint result = *this;
  const in_port_t number = htons(port);
  std::memcpy(result.storage_ + offsetof(sockaddr_in, sin_port), &number, sizeof(number));
  return result;
}

Endpoint Endpoint::unmapped() const noexcept {
  if (family() != AddressFamily::ipv6) return *this;
  const in6_addr mapped = load<sockaddr_in6>(*this).sin6_addr;
  if (!IN6_IS_ADDR_V4MAPPED(&mapped)) return *this;
  std::uint32_t address = 0;
  std::memcpy(&address, mapped.s6_addr + 12, sizeof(address));
  return inet(AddressFamily::ipv4, ntohl(address), in6addr_any).with_port(port());
}

Endpoint Endpoint::network(unsigned prefix_length) const noexcept {
  if (family() == AddressFamily::unix_domain) return *this;
  const bool is_ipv4 = family() == AddressFamily::ipv4;
  const std::size_t offset =
      is_ipv4 ? offsetof(sockaddr_in, sin_addr) : offsetof(sockaddr_in6, sin6_addr);
  const std::size_t size = is_ipv4 ? sizeof(in_addr) : sizeof(in6_addr);
  Endpoint result = with_port(0);
  for (std::size_t at = 0; at < size; ++at) {
    const std::size_t kept =
        std::min<std::size_t>(prefix_length - std::min<std::size_t>(prefix_length, at * 8), 8);
    result.storage_[offset + at] &= std::byte(0xff00U >> kept);
  }
  return result;
}

bool Endpoint::is_link_local() const noexcept {
  if (family() == AddressFamily::unix_domain) return false;
  if (family() == AddressFamily::ipv6) {
    const in6_addr address = load<sockaddr_in6>(*this).sin6_addr;
    return IN6_IS_ADDR_LINKLOCAL(&address);
  }
  return ntohl(load<sockaddr_in>(*this).sin_addr.s_addr) >> 16U == 0xa9feU;
}

std::strong_ordering Endpoint::operator<=>(const Endpoint& other) const noexcept {
  if (family() != other.family()) return family() <=> other.family();
  std::array<char, inet_key_max> room;
  std::array<char, inet_key_max> room_of_other;
  return key_of(*this, room).compare(key_of(other, room_of_other)) <=> 0;
}

std::size_t Endpoint::hash() const noexcept {
  std::array<char, inet_key_max> room;
  return std::hash<std::string_view>{}(key_of(*this, room));
}

}  // namespace rondo
