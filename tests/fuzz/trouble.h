// SPDX-License-Identifier: MIT
// The faults in the world of a conversation, chosen by the input.
#pragma once

#include <algorithm>
#include <chrono>
#include <string_view>

#include <rondo/sim.h>

#include "fuzz/fuzz.h"

namespace rondo::fuzz {

using namespace std::chrono_literals;

/// The faults of a host and of its link to the peer.
struct Trouble {
  static constexpr std::size_t kinds = 5;  // in addition to the faults

  /// Chooses which faults may strike, and how often: two bits for each, from a fixed number of
  /// bytes, so that kept inputs stay valid when faults are added.
  void choose_faults(Input& input) const {
    constexpr double chances[] = {0, 0, 0.01, 0.1};
    constexpr std::size_t faults_max = 64;
    static_assert(sim::fault_count <= faults_max);
    for (std::size_t first = 0; first < faults_max; first += 4) {
      const std::size_t bits = input.byte();
      for (std::size_t i = first; i < std::min(first + 4, sim::fault_count); ++i) {
        world.faults().set(static_cast<sim::Fault>(i), chances[bits >> 2 * (i - first) & 3U]);
      }
    }
  }
  void begin(std::size_t kind, Input& input) const {
    switch (kind) {
      case 0:
        return world.partition(host.name(), peer, 1ms * (1 << input.below(17)));
      case 1:
        return world.heal(host.name(), peer);
      case 2:
        return world.cut(host.name(), peer);
      case 3:  // also fewer than it has open
        return host.limit_descriptors(descriptors + input.below(10) -
                                      std::min<std::size_t>(descriptors, 2));
      default:
        host.jump_clock(1ms * (1 << input.below(17)));
    }
  }
  void end() const {
    world.faults().clear();
    world.heal(host.name(), peer);
    host.limit_descriptors(descriptors + 100);
  }

  sim::World& world;
  sim::Host& host;
  std::string_view peer;
  std::size_t descriptors = 0;  // when the host is idle
};

}  // namespace rondo::fuzz
