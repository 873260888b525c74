// SPDX-License-Identifier: MIT
// The inside of a Host: the kernel of a machine with one process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/assert.h>
#include <rondo/net.h>
#include <rondo/time.h>

#include "address.h"
#include "connections.h"
#include "net.h"
#include "ports.h"
#include "table.h"
#include "tcp.h"
#include "trace.h"

namespace rondo::sim {

class BackendBase;
class UnixSocket;
class WorldImpl;

class Machine {
 public:
  Machine(WorldImpl& world, std::string_view name, std::uint32_t id);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();

  [[nodiscard]] WorldImpl& world() const noexcept { return world_; }
  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
  /// The Net of the running process.
  [[nodiscard]] SimNet& net() noexcept { return *nets_.back(); }
  [[nodiscard]] DescriptorTable& table() noexcept { return table_; }
  /// The time of this machine's clock.
  [[nodiscard]] TimePoint now() const noexcept;

  void add_address(const Address& address) {
    if (addresses_.empty()) address_text_ = address.endpoint().host();
    addresses_.push_back(address);
  }
  /// The first address.
  [[nodiscard]] std::string_view address_text() const noexcept { return address_text_; }
  [[nodiscard]] bool owns(const Address& address) const noexcept;
  /// The source address for `remote`; none if the machine has no address of that family.
  [[nodiscard]] std::optional<Address> source_for(const Address& remote) const noexcept;
  [[nodiscard]] const std::vector<Address>& addresses() const noexcept { return addresses_; }

  void note(std::string_view what, Trace::Numbers numbers = {}, const Route* route = nullptr);

  void crash();
  void restart();
  /// `other` may have become unreachable: see Tcp::doubt().
  void doubt(const Machine& other);
  [[nodiscard]] bool is_up() const noexcept { return is_up_; }
  void jump_clock(Duration forward);
  /// The true time at which this machine's clock shows `time`; now, if it is past.
  [[nodiscard]] TimePoint in_world(TimePoint time) const noexcept;

  /// Bytes in the buffers of TCP sockets.
  [[nodiscard]] bool has_memory(std::size_t bytes) const noexcept {
    return buffered_ <= memory_max_ && bytes <= memory_max_ - buffered_;
  }
  void buffer(std::size_t bytes) noexcept { buffered_ += bytes; }
  void unbuffer(std::size_t bytes) noexcept { buffered_ -= bytes; }
  void limit_memory(std::size_t bytes) noexcept { memory_max_ = bytes; }

  Ports tcp_ports;
  Ports udp_ports;
  /// This machine's end of a connection that is established or being established.
  Connections connections;
  std::map<std::string, UnixSocket*, std::less<>> unix_names;
  /// Unix sockets that were ever sent descriptors. One that was sent its own descriptor may be kept
  /// alive by itself alone.
  std::set<UnixSocket*> carriers;
  std::vector<BackendBase*> backends;
  Duration clock_offset{};

 private:
  WorldImpl& world_;
  std::string name_;
  std::uint32_t id_;
  std::vector<Address> addresses_;
  std::string address_text_;
  DescriptorTable table_;
  std::vector<std::unique_ptr<SimNet>> nets_;  // one for each process: a crash ends a process
  bool is_up_ = true;
  std::size_t buffered_ = 0;
  std::size_t memory_max_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace rondo::sim
