// The ports of one machine and one protocol: who is bound where.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "address.h"
#include "object.h"

namespace rondo::sim {

class Random;

/// One socket's place: `v6_only` keeps `::` from meaning every IPv4 address as well.
struct Binding {
  Object* object;
  Address local;
  bool is_v6_only;

  /// Whether what is sent to `to` may be for it.
  [[nodiscard]] bool covers(const Address& to) const noexcept;
  [[nodiscard]] bool overlaps(const Binding& other) const noexcept;
};

class Ports {
 public:
  static constexpr std::uint16_t ephemeral_first = 32'768;  // as net.ipv4.ip_local_port_range
  static constexpr std::uint32_t ephemeral_count = 28'232;

  /// Port 0 becomes one that nobody has. Returns 0, -EADDRINUSE; `local` is filled.
  int bind(Object& object, Address& local, Random& random);
  void unbind(const Object& object, std::uint16_t port) noexcept;
  /// Whether another socket that listens is in the way of `object`.
  [[nodiscard]] bool is_listened_on(const Object& object, std::uint16_t port) const noexcept;
  /// Those who are bound to that port, in the order in which they came.
  [[nodiscard]] const std::vector<Binding>* at(std::uint16_t port) const noexcept;
  /// An accepted or connected socket keeps its port from being given out, too.
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
