// SPDX-License-Identifier: MIT
// Most removals are of a stream that came last, and find it by a short search from the back. If
// thousands of streams are destroyed that wait in the queue, in any order, such a search would take
// quadratic time: then a hash table finds them. Its slots are twice the capacity, and each entry
// takes one slot for as long as it is in the vector, also when it is null.
#include "run_queue.h"

#include <algorithm>
#include <bit>
#include <new>

#include <rondo/assert.h>

namespace rondo::detail {

void RunQueue::reserve(std::size_t count) {
  if (entries_.capacity() >= count) return;
  entries_.reserve(count);
  index_ = {};
}

void RunQueue::push(StreamImpl& stream) noexcept {
  if (entries_.size() == entries_.capacity()) compact();
  RONDO_ASSERT(entries_.size() < entries_.capacity());
  entries_.push_back(&stream);
  ++live_;
  if (!index_.empty()) add_to_index(entries_.size() - 1);
}

StreamImpl* RunQueue::take(std::size_t at) noexcept {
  StreamImpl* const stream = entries_[at];
  if (stream == nullptr) return nullptr;
  entries_[at] = nullptr;
  if (--live_ == 0) clear();
  return stream;
}

StreamImpl* RunQueue::take_first() noexcept {
  while (live_ > 0)
    if (StreamImpl* const stream = take(first_++)) return stream;
  return nullptr;
}

bool RunQueue::remove(StreamImpl& stream) noexcept {
  if (live_ == 0) return false;
  const std::size_t at = find(stream);
  if (at == none) return false;
  take(at);
  // Removals from the back, one after the other, find their streams at once.
  while (!entries_.empty() && entries_.back() == nullptr && index_.empty()) entries_.pop_back();
  return true;
}

void RunQueue::clear() noexcept {
  entries_.clear();
  index_ = {};
  live_ = 0;
  first_ = 0;
}

void RunQueue::swap(RunQueue& other) noexcept {
  entries_.swap(other.entries_);
  index_.swap(other.index_);
  std::swap(live_, other.live_);
  std::swap(first_, other.first_);
}

std::size_t RunQueue::find(const StreamImpl& stream) noexcept {
  if (index_.empty()) {
    const std::size_t searched = std::min(entries_.size(), searched_max);
    const std::size_t found = find_among(stream, entries_.size() - searched);
    if (found != none || searched == entries_.size()) return found;
    if (!make_index()) return find_among(stream, 0);  // there is no memory
  }
  for (std::size_t slot = slot_of(stream); index_[slot] != 0; slot = (slot + 1) % index_.size())
    if (entries_[index_[slot] - 1] == &stream) return index_[slot] - 1;
  return none;
}

std::size_t RunQueue::find_among(const StreamImpl& stream, std::size_t first) const noexcept {
  for (std::size_t at = entries_.size(); at > first; --at)
    if (entries_[at - 1] == &stream) return at - 1;
  return none;
}

bool RunQueue::make_index() noexcept try {
  index_.assign(std::bit_ceil(2 * entries_.capacity()), 0);
  for (std::size_t at = 0; at < entries_.size(); ++at)
    if (entries_[at] != nullptr) add_to_index(at);
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

void RunQueue::add_to_index(std::size_t at) noexcept {
  std::size_t slot = slot_of(*entries_[at]);
  while (index_[slot] != 0) slot = (slot + 1) % index_.size();
  index_[slot] = static_cast<std::uint32_t>(at + 1);
}

/// Fibonacci hashing: the upper bits of the product depend on all bits of the address.
std::size_t RunQueue::slot_of(const StreamImpl& stream) const noexcept {
  const auto address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&stream));
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15U;
  return static_cast<std::size_t>(address * golden >> 32U) % index_.size();
}

/// Removes the entries that are null.
void RunQueue::compact() noexcept {
  std::erase(entries_, nullptr);
  first_ = 0;
  if (index_.empty()) return;
  index_.assign(index_.size(), 0);
  for (std::size_t at = 0; at < entries_.size(); ++at) add_to_index(at);
}

}  // namespace rondo::detail
