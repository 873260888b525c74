// SPDX-License-Identifier: MIT
// An address and a port in the simulated network. IPv4 addresses are IPv6-mapped (RFC 4291,
// 2.5.5.2), so that one form serves sockets of both families.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <rondo/endpoint.h>

namespace rondo::sim {

using Ip = std::array<std::uint8_t, 16>;

struct Address {
  Ip ip{};
  std::uint16_t port = 0;

  [[nodiscard]] static Address of(const Endpoint& endpoint) noexcept;
  /// `10.0.0.1`, `fd00::1`.
  [[nodiscard]] static std::optional<Address> parse(std::string_view text);

  [[nodiscard]] bool is_ipv4() const noexcept;
  [[nodiscard]] bool is_any() const noexcept;
  [[nodiscard]] bool is_loopback() const noexcept;
  [[nodiscard]] bool is_multicast() const noexcept;
  [[nodiscard]] bool is_broadcast() const noexcept;
  [[nodiscard]] AddressFamily family() const noexcept {
    return is_ipv4() ? AddressFamily::ipv4 : AddressFamily::ipv6;
  }
  /// The form in which a socket of that family reports it.
  [[nodiscard]] Endpoint endpoint(AddressFamily family) const noexcept;
  [[nodiscard]] Endpoint endpoint() const noexcept { return endpoint(family()); }
  [[nodiscard]] std::string to_string() const { return endpoint().to_string(); }

  friend bool operator==(const Address&, const Address&) = default;
  friend auto operator<=>(const Address&, const Address&) = default;
};

[[nodiscard]] Address any_address(AddressFamily family) noexcept;
[[nodiscard]] Address loopback_address(AddressFamily family) noexcept;

/// Identifies a connection on one of its hosts.
struct Route {
  Address local;
  Address remote;
  friend bool operator==(const Route&, const Route&) = default;
};

struct RouteHash {
  std::size_t operator()(const Route& route) const noexcept;
};

}  // namespace rondo::sim
