// SPDX-License-Identifier: MIT
#include "machine.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "backends.h"
#include "misuse.h"
#include "unix.h"
#include "world.h"

namespace rondo::sim {

Machine::Machine(WorldImpl& world, std::string_view name, std::uint32_t id)
    : world_(world), name_(name), id_(id) {
  nets_.push_back(std::make_unique<SimNet>(*this));
}

Machine::~Machine() {
  if (!backends.empty()) {
    misuse("the world ends before a reactor on " + name_ + ": destroy all reactors first");
  }
  crash();
}

TimePoint Machine::now() const noexcept { return world_.now + clock_offset; }

TimePoint Machine::in_world(TimePoint time) const noexcept {
  return time <= now() ? world_.now : time - clock_offset;
}

bool Machine::owns(const Address& address) const noexcept {
  return address.is_loopback() ||
         std::any_of(addresses_.begin(), addresses_.end(),
                     [&](const Address& own) { return own.ip == address.ip; });
}

std::optional<Address> Machine::source_for(const Address& remote) const noexcept {
  if (remote.is_loopback()) return loopback_address(remote.family());
  if (owns(remote)) return remote;
  for (const Address& own : addresses_) {
    if (own.is_ipv4() == remote.is_ipv4()) return own;
  }
  return {};
}

void Machine::note(std::string_view what, Trace::Numbers numbers, const Route* route) {
  world_.trace.note(world_.now, name_, what, numbers, route);
}

void Machine::crash() {
  if (!std::exchange(is_up_, false)) return;
  note("crashes");
  nets_.back()->end();
  for (BackendBase* const backend : backends) backend->end();
  const std::vector<Ref<Tcp>> gone = connections.take();
  for (const Ref<Tcp>& connection : gone) {
    if (connection) connection->vanish();
  }
  table_.forget();
  std::vector<Ref<UnixSocket>> holders;
  holders.reserve(carriers.size());
  for (UnixSocket* const carrier : carriers) holders.emplace_back(carrier);
  for (const Ref<UnixSocket>& holder : holders) holder->vanish();
  unix_names.clear();
  tcp_ports.forget();
  udp_ports.forget();
}

void Machine::restart() {
  if (std::exchange(is_up_, true)) return;
  nets_.push_back(std::make_unique<SimNet>(*this));
  note("starts again");
  world_.reopen_paths_to(*this);
}

void Machine::doubt(const Machine& other) {
  std::vector<Ref<Tcp>> shared;
  for (const Ref<Tcp>& connection : connections.slots()) {
    if (!connection) continue;
    const Address& remote = connection->route().remote;
    if (!remote.is_loopback() && other.owns(remote)) shared.push_back(connection);
  }
  // In a defined order that does not depend on addresses in memory.
  std::sort(shared.begin(), shared.end(), [](const Ref<Tcp>& one, const Ref<Tcp>& two) {
    return std::tie(one->route().local, one->route().remote) <
           std::tie(two->route().local, two->route().remote);
  });
  for (const Ref<Tcp>& connection : shared) connection->doubt();
}

void Machine::jump_clock(Duration forward) {
  clock_offset += forward;
  note("clock jumps", {static_cast<std::uint64_t>(forward.count())});
  for (BackendBase* const backend : backends) backend->clock_jumped();
}

}  // namespace rondo::sim
