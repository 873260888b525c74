// SPDX-License-Identifier: MIT
// The streams that have something left to do at the end of a turn, in the order in which they came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rondo::detail {

class StreamImpl;

/// A queue from which a stream can be removed anywhere, in constant time on average, without a
/// member in the stream. The entry of a stream that was removed becomes null.
class RunQueue {
 public:
  /// Makes room for so many streams. May throw std::bad_alloc; push() does not.
  void reserve(std::size_t count);
  [[nodiscard]] std::size_t capacity() const noexcept { return entries_.capacity(); }

  /// Whether there is no stream in it.
  [[nodiscard]] bool empty() const noexcept { return live_ == 0; }
  /// The entries, those that are null included.
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] StreamImpl* operator[](std::size_t at) const noexcept { return entries_[at]; }

  /// `stream` is not in it. If no entry is left, those that are null are removed, which moves the
  /// others.
  void push(StreamImpl& stream) noexcept;
  /// Removes the stream of this entry and returns it; null if there is none.
  StreamImpl* take(std::size_t at) noexcept;
  /// The one that came first; null if there is none.
  StreamImpl* take_first() noexcept;
  /// False: it is not in the queue.
  bool remove(StreamImpl& stream) noexcept;
  void clear() noexcept;
  void swap(RunQueue& other) noexcept;

 private:
  static constexpr std::size_t searched_max = 32;
  static constexpr std::size_t none = SIZE_MAX;

  [[nodiscard]] std::size_t find(const StreamImpl& stream) noexcept;
  [[nodiscard]] std::size_t find_among(const StreamImpl& stream, std::size_t first) const noexcept;
  [[nodiscard]] bool make_index() noexcept;
  void add_to_index(std::size_t at) noexcept;
  [[nodiscard]] std::size_t slot_of(const StreamImpl& stream) const noexcept;
  void compact() noexcept;

  std::vector<StreamImpl*> entries_;
  std::size_t live_ = 0;
  std::size_t first_ = 0;  // the entries before it are null: for take_first()
  // A hash table with linear probing: the numbers of entries plus one, 0 where a slot is free. It
  // exists from the first removal that would have searched long until the queue is empty.
  std::vector<std::uint32_t> index_;
};

}  // namespace rondo::detail
