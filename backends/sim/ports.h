// SPDX-License-Identifier: MIT
// The ports of one machine and one protocol, and the sockets that are bound to them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "address.h"
#include "object.h"

namespace rondo::sim {

class Random;

/// The binding of one socket. With `v6_only`, `::` does not include every IPv4 address.
struct Binding {
  Object* object;
  Address local;
  bool is_v6_only;

  /// Whether a packet for `to` matches.
  [[nodiscard]] bool covers(const Address& to) const noexcept;
  [[nodiscard]] bool overlaps(const Binding& other) const noexcept;
};

class Ports {
 public:
  static constexpr std::uint16_t ephemeral_first = 32'768;  // as net.ipv4.ip_local_port_range
  static constexpr std::uint32_t ephemeral_count = 28'232;

  /// Replaces port 0 in `local` by a free one. Returns 0, or -EADDRINUSE.
  int bind(Object& object, Address& local, Random& random);
  void unbind(const Object& object, std::uint16_t port) noexcept;
  /// Whether another listening socket prevents `object` from listening.
  [[nodiscard]] bool is_listened_on(const Object& object, std::uint16_t port) const noexcept;
  /// The sockets that are bound to that port, in the order in which they were bound.
  [[nodiscard]] const std::vector<Binding>* at(std::uint16_t port) const noexcept;
  /// Accepted and connected sockets also keep their ports in use.
  void use(std::uint16_t port) { ++uses_[port]; }
  void release(std::uint16_t port) noexcept;
  [[nodiscard]] std::uint16_t draw(Random& random) noexcept;
  void forget() noexcept;

 private:
  [[nodiscard]] bool is_free(const Binding& wanted) const noexcept;

  std::map<std::uint16_t, std::vector<Binding>> bindings_;
  std::map<std::uint16_t, std::uint32_t> uses_;
  std::uint32_t next_ = 0;
};

}  // namespace rondo::sim
