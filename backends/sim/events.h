// SPDX-License-Identifier: MIT
// Future events in the order of time; events at the same time, in the order in which they were
// added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <rondo/function.h>
#include <rondo/time.h>

#include "event_run.h"

namespace rondo::sim {

class EventQueue {
 public:
  /// Identifies a future event: a slot of the heap and its generation or, from `first_of_run` on, a
  /// number in the run.
  enum class Ticket : std::uint64_t { none = 0, first_of_run = std::uint64_t{1} << 63U };

  Ticket at(TimePoint time, Function<void()> action);
  /// Does nothing if the event has happened already.
  void cancel(Ticket& ticket) noexcept;

  [[nodiscard]] bool empty() const noexcept { return heap_.empty() && run_.empty(); }
  /// `never` if there is none.
  [[nodiscard]] TimePoint next() const noexcept {
    const TimePoint first = heap_.empty() ? never : heap_.front().time;
    return run_.empty() || first < run_.front().time ? first : run_.front().time;
  }
  /// Removes the next event. There must be one.
  [[nodiscard]] Function<void()> pop();

 private:
  struct Entry {
    TimePoint time;
    std::uint64_t order;
    std::uint32_t slot;
    /// For std::push_heap, which keeps the largest entry in front.
    bool operator<(const Entry& other) const noexcept {
      return time != other.time ? time > other.time : order > other.order;
    }
  };
  struct Slot {
    Function<void()> action;
    std::uint32_t generation : 31 = 1;
    std::uint32_t pending : 1 = false;
  };
  static constexpr auto in_run = static_cast<std::uint64_t>(Ticket::first_of_run);

  [[nodiscard]] bool continues_run(TimePoint time) const noexcept;
  [[nodiscard]] bool run_is_next() const noexcept;
  Ticket put_in_heap(TimePoint time, Function<void()> action);
  [[nodiscard]] Function<void()> pop_from_run();
  [[nodiscard]] Function<void()> pop_from_heap();
  void vacate(std::uint32_t slot) noexcept;
  void drop_cancelled() noexcept;
  /// Cancelled events must not accumulate behind a distant deadline.
  void compact();

  // The first event of either is not cancelled.
  EventRun run_;
  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> vacant_;
  std::uint64_t order_ = 0;
  std::size_t cancelled_ = 0;  // in the heap
  TimePoint popped_at_{};
};

}  // namespace rondo::sim
