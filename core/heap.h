// SPDX-License-Identifier: MIT
// A 4-ary heap of (when, item). Four children share two cache lines. Each item knows its index, so
// that it can be moved and removed in O(log n).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <rondo/time.h>

namespace rondo::detail {

/// `Items` provides what the heap cannot know:
///   static void put(Item&, std::uint32_t index)      store the index in the item
///   static bool before(const Item&, const Item&)     the order of two items with the same time
template <typename Item, typename Items>
class Heap {
 public:
  using Index = std::uint32_t;
  struct Entry {
    TimePoint when;
    Item* item;
  };

  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return entries_.capacity(); }
  void reserve(std::size_t capacity) { entries_.reserve(capacity); }
  [[nodiscard]] const Entry& front() const noexcept { return entries_.front(); }
  [[nodiscard]] const Entry& operator[](std::size_t index) const noexcept {
    return entries_[index];
  }

  /// Allocates only beyond capacity().
  void push(TimePoint when, Item& item) {
    entries_.push_back({when, &item});
    sift_up(static_cast<Index>(entries_.size() - 1), {when, &item});
  }

  void erase(Index index) noexcept {
    const Entry last = entries_.back();
    entries_.pop_back();
    if (index != entries_.size()) sift(index, last);
  }

  void move(Index index, TimePoint when) noexcept { sift(index, {when, entries_[index].item}); }

  /// The item at index `index` has moved to another address.
  void replace(Index index, Item& item) noexcept { entries_[index].item = &item; }

 private:
  static constexpr std::uint32_t arity = 4;

  [[nodiscard]] static bool before(const Entry& a, const Entry& b) noexcept {
    return a.when != b.when ? a.when < b.when : Items::before(*a.item, *b.item);
  }

  void sift(Index index, Entry entry) noexcept {
    if (index > 0 && before(entry, entries_[(index - 1) / arity])) {
      sift_up(index, entry);
    } else {
      sift_down(index, entry);
    }
  }

  void sift_up(Index hole, Entry entry) noexcept {
    while (hole > 0) {
      const Index parent = (hole - 1) / arity;
      if (!before(entry, entries_[parent])) break;
      put(hole, entries_[parent]);
      hole = parent;
    }
    put(hole, entry);
  }

  void sift_down(Index hole, Entry entry) noexcept {
    const std::size_t size = entries_.size();
    for (;;) {
      const std::size_t first = std::size_t{hole} * arity + 1;
      if (first >= size) break;
      std::size_t least = first;
      for (std::size_t child = first + 1; child < std::min(first + arity, size); ++child) {
        if (before(entries_[child], entries_[least])) least = child;
      }
      if (!before(entries_[least], entry)) break;
      put(hole, entries_[least]);
      hole = static_cast<Index>(least);
    }
    put(hole, entry);
  }

  void put(Index index, Entry entry) noexcept {
    entries_[index] = entry;
    Items::put(*entry.item, index);
  }

  std::vector<Entry> entries_;
};

}  // namespace rondo::detail
