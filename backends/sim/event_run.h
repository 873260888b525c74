// SPDX-License-Identifier: MIT
// A ring of events in the order of their time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <rondo/function.h>
#include <rondo/time.h>

namespace rondo::sim {

class EventRun {
 public:
  struct Entry {
    TimePoint time{};
    std::uint64_t order = 0;
    Function<void()> action;  // empty: the event was cancelled
  };

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const Entry& front() const noexcept { return (*this)[0]; }
  [[nodiscard]] const Entry& back() const noexcept { return (*this)[size_ - 1]; }
  [[nodiscard]] const Entry& operator[](std::size_t at) const noexcept {
    return ring_[(first_ + at) & (ring_.size() - 1)];
  }

  /// Returns the number of the event: events are numbered in order.
  std::uint64_t push(Entry entry) {
    if (size_ == ring_.size()) grow();
    ring_[(first_ + size_) & (ring_.size() - 1)] = std::move(entry);
    ++size_;
    return first_ + size_ - 1;
  }
  [[nodiscard]] Function<void()> pop() noexcept {
    Function<void()> action = std::move(ring_[first_ & (ring_.size() - 1)].action);
    ++first_;
    --size_;
    return action;
  }
  /// The event with that number, or null if it was removed.
  void cancel(std::uint64_t number) noexcept {
    if (number - first_ < size_) ring_[number & (ring_.size() - 1)].action = {};
  }

 private:
  static constexpr std::size_t room_min = 16;

  void grow() {
    std::vector<Entry> larger(std::max(room_min, ring_.size() * 2));  // a power of two
    for (std::uint64_t number = first_; number != first_ + size_; ++number) {
      larger[number & (larger.size() - 1)] = std::move(ring_[number & (ring_.size() - 1)]);
    }
    ring_ = std::move(larger);
  }

  std::vector<Entry> ring_;
  std::uint64_t first_ = 0;  // the number of the front
  std::size_t size_ = 0;
};

}  // namespace rondo::sim
