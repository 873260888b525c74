// SPDX-License-Identifier: MIT
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace rondo::sim {
namespace {

constexpr std::size_t mapped_at = 12;
constexpr Ip mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

template <typename System>
Endpoint stored(const System& system) noexcept {
  const auto endpoint =
      Endpoint::from_system(reinterpret_cast<const sockaddr*>(&system), sizeof(system));
  return endpoint ? *endpoint : Endpoint{};
}

}  // namespace

Address Address::of(const Endpoint& endpoint) noexcept {
  Address address;
  if (endpoint.family() == AddressFamily::ipv4) {
    sockaddr_in system{};
    std::memcpy(&system, endpoint.system(), sizeof(system));
    address.ip = mapped_prefix;
    std::memcpy(address.ip.data() + mapped_at, &system.sin_addr, sizeof(system.sin_addr));
  } else if (endpoint.family() == AddressFamily::ipv6) {
    sockaddr_in6 system{};
    std::memcpy(&system, endpoint.system(), sizeof(system));
    std::memcpy(address.ip.data(), &system.sin6_addr, sizeof(system.sin6_addr));
  }
  address.port = endpoint.port();
  return address;
}

std::optional<Address> Address::parse(std::string_view text) {
  const bool is_ipv6 = text.find(':') != std::string_view::npos;
  const auto parsed =
      Endpoint::parse(is_ipv6 ? '[' + std::string{text} + "]:0" : std::string{text} + ":0");
  if (!parsed || parsed->family() == AddressFamily::unix_domain) return {};
  return of(*parsed);
}

bool Address::is_ipv4() const noexcept {
  return std::equal(ip.begin(), ip.begin() + mapped_at, mapped_prefix.begin());
}

bool Address::is_any() const noexcept {
  const auto begin = ip.begin() + (is_ipv4() ? mapped_at : 0);
  return std::all_of(begin, ip.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_loopback() const noexcept {
  if (is_ipv4()) return ip[mapped_at] == 127;
  return ip[15] == 1 && std::all_of(ip.begin(), ip.end() - 1, [](auto byte) { return byte == 0; });
}

bool Address::is_multicast() const noexcept {
  return is_ipv4() ? (ip[mapped_at] & 0xf0U) == 0xe0U : ip[0] == 0xff;
}

/// 255.255.255.255, or the broadcast address of the loopback, 127.255.255.255.
bool Address::is_broadcast() const noexcept {
  return is_ipv4() && (ip[mapped_at] == 0xff || is_loopback()) &&
         std::all_of(ip.begin() + mapped_at + 1, ip.end(), [](auto byte) { return byte == 0xff; });
}

Endpoint Address::endpoint(AddressFamily family) const noexcept {
  if (family == AddressFamily::ipv4) {
    sockaddr_in system{};
    system.sin_family = AF_INET;
    system.sin_port = htons(port);
    std::memcpy(&system.sin_addr, ip.data() + mapped_at, sizeof(system.sin_addr));
    return stored(system);
  }
  sockaddr_in6 system{};
  system.sin6_family = AF_INET6;
  system.sin6_port = htons(port);
  std::memcpy(&system.sin6_addr, ip.data(), sizeof(system.sin6_addr));
  return stored(system);
}

Address any_address(AddressFamily family) noexcept { return Address::of(Endpoint::any(0, family)); }
Address loopback_address(AddressFamily family) noexcept {
  return Address::of(Endpoint::loopback(0, family));
}

std::size_t RouteHash::operator()(const Route& route) const noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto mix = [&hash](std::uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 29U;
  };
  const auto mix_ip = [&](const Ip& ip) {
    std::uint64_t halves[2];
    std::memcpy(halves, ip.data(), sizeof(halves));
    mix(halves[0]);
    mix(halves[1]);
  };
  mix_ip(route.local.ip);
  mix_ip(route.remote.ip);
  mix(std::uint64_t{route.local.port} << 16U | route.remote.port);
  return static_cast<std::size_t>(hash);
}

}  // namespace rondo::sim
