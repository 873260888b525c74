// SPDX-License-Identifier: MIT
// The connections of one machine: by route, and by slot. A packet carries the slot of its sender,
// so that an answer finds the connection by an index. A look-up by route would miss the cache in a
// hash table as large as the number of connections.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "address.h"
#include "tcp.h"

namespace rondo::sim {

class Connections {
 public:
  /// Null if there is none. `guess` is checked first, and may be wrong.
  [[nodiscard]] Tcp* find(const Route& route, Slot guess = no_slot) const noexcept {
    if (guess < slots_.size()) {
      Tcp* const there = slots_[guess].get();
      if (there != nullptr && there->route() == route) return there;
    }
    const auto found = by_route_.find(route);
    return found == by_route_.end() ? nullptr : slots_[found->second].get();
  }
  [[nodiscard]] std::size_t size() const noexcept { return by_route_.size(); }
  [[nodiscard]] const std::vector<Ref<Tcp>>& slots() const noexcept { return slots_; }

  /// No connection with that route may exist.
  Slot add(Tcp& connection) {
    if (vacant_.empty()) {
      slots_.emplace_back();
      vacant_.reserve(slots_.capacity());  // removing must not allocate
      vacant_.push_back(static_cast<Slot>(slots_.size() - 1));
    }
    const Slot slot = vacant_.back();
    by_route_.emplace(connection.route(), slot);
    vacant_.pop_back();
    slots_[slot] = Ref<Tcp>{&connection};
    return slot;
  }
  /// May destroy the connection.
  void remove(Slot slot) noexcept {
    const Ref<Tcp> removed = std::move(slots_[slot]);
    by_route_.erase(removed->route());
    vacant_.push_back(slot);  // add() reserved the capacity
  }
  /// All connections.
  [[nodiscard]] std::vector<Ref<Tcp>> take() noexcept {
    by_route_.clear();
    vacant_.clear();
    return std::exchange(slots_, {});
  }

 private:
  std::unordered_map<Route, Slot, RouteHash> by_route_;
  std::vector<Ref<Tcp>> slots_;
  std::vector<Slot> vacant_;
};

}  // namespace rondo::sim
