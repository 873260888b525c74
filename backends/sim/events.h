// What is to happen, in the order of time; at one time, in the order in which it was asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <rondo/function.h>
#include <rondo/time.h>

namespace rondo::sim {

class EventQueue {
 public:
  /// Names an event that has not happened yet. 0: none.
  enum class Ticket : std::uint64_t { none = 0 };

  Ticket at(TimePoint time, Function<void()> action);
  /// Also of one that has happened: nothing then.
  void cancel(Ticket& ticket) noexcept;

  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  /// `never` if there is none.
  [[nodiscard]] TimePoint next() const noexcept { return empty() ? never : heap_.front().time; }
  /// Takes the next one, of which there is one.
  [[nodiscard]] Function<void()> pop();

 private:
  struct Entry {
    TimePoint time;
    std::uint64_t order;
    std::uint32_t slot;
    /// For the heap, which has the largest in front.
    bool operator<(const Entry& other) const noexcept {
      return time != other.time ? time > other.time : order > other.order;
    }
  };
  struct Slot {
    Function<void()> action;
    std::uint32_t generation = 1;
    bool pending = false;
  };

  void vacate(std::uint32_t slot) noexcept;
  void drop_front() noexcept;
  /// Cancelled ones must not pile up behind a deadline that is far away.
  void compact();

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> vacant_;
  std::uint64_t order_ = 0;
  std::size_t cancelled_ = 0;
};

}  // namespace rondo::sim
