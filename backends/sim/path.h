// SPDX-License-Identifier: MIT
// One direction between two hosts: when packets arrive, and whether they pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <rondo/function.h>
#include <rondo/sim.h>
#include <rondo/time.h>

#include "random.h"

namespace rondo::sim {

/// Ends the program if the link is invalid.
void check(const Link& link) noexcept;

class Path {
 public:
  using Arrival = Function<void()>;

  Link link;
  bool is_cut = false;   // nothing passes: TCP packets wait, datagrams are lost
  bool is_held = false;  // everything waits

  [[nodiscard]] bool is_open() const noexcept { return !is_cut && !is_held; }
  void wait(Arrival arrival) { waiting_.push_back(std::move(arrival)); }
  [[nodiscard]] std::vector<Arrival> take_waiting() noexcept { return std::move(waiting_); }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  void forget_waiting() noexcept { waiting_.clear(); }

  enum class Order : bool { kept, any };
  /// The time at which `size` bytes arrive that are sent now, `slowness` times as slowly as usual.
  TimePoint arrival(TimePoint now, std::size_t size, Order order, unsigned slowness,
                    Random& random) noexcept;

 private:
  std::vector<Arrival> waiting_;
  TimePoint sent_until_ = TimePoint::min();  // the link is busy until then
  TimePoint last_arrival_ = TimePoint::min();
};

}  // namespace rondo::sim
