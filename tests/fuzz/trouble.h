// What goes wrong in the world of a conversation, as the bytes say.
#pragma once

#include <algorithm>
#include <chrono>
#include <string_view>

#include <rondo/sim.h>

#include "fuzz/fuzz.h"

namespace rondo::fuzz {

using namespace std::chrono_literals;

/// What befalls a host and its way to its peer.
struct Trouble {
  static constexpr std::size_t kinds = 5;  // beside the faults

  /// Which faults may strike, and how often: two bits each, of so many bytes whatever faults there
  /// are, so that an input that is kept stays what it is.
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
      case 3:  // fewer than it has, too
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
  std::size_t descriptors = 0;  // of the host, when it is idle
};

}  // namespace rondo::fuzz
