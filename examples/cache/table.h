// SPDX-License-Identifier: MIT
// cache: a hash table of entries, each of which is one piece of memory with its key and its value.
//
// It is a linear hash table: it grows by one bucket for one entry, and shrinks by at most two, so
// no request waits until a large table is rehashed. The buckets are the leaves of a tree over the
// low bits of the hashes; a scan visits them in an order that is the same whatever is split or
// joined meanwhile, so that it returns each entry that is there from its begin to its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>
#include <vector>

namespace cache {

struct Entry {
  static constexpr std::int64_t never = INT64_MAX;

  Entry* next;              // in the same bucket
  std::int64_t expires_at;  // milliseconds since 1970, or never
  std::uint32_t hash;
  std::uint32_t used_at;  // milliseconds: what was used long ago is evicted first
  std::uint32_t key_size;
  std::uint32_t value_size;
  std::uint32_t capacity;  // the value may become so large in place
  // The key and the value follow.

  [[nodiscard]] char* text() noexcept { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* text() const noexcept {
    return reinterpret_cast<const char*>(this + 1);
  }
  [[nodiscard]] std::string_view key() const noexcept { return {text(), key_size}; }
  [[nodiscard]] std::string_view value() const noexcept { return {text() + key_size, value_size}; }
  /// `value` is not larger than the capacity.
  void assign(std::string_view value) noexcept {
    value_size = static_cast<std::uint32_t>(value.copy(text() + key_size, value.size()));
  }
};

class Table {
 public:
  using Bucket = std::uint32_t;

  Table() : buckets_(size_min) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return buckets_.capacity() * sizeof(Entry*); }
  [[nodiscard]] Bucket buckets() const noexcept { return static_cast<Bucket>(buckets_.size()); }
  [[nodiscard]] Entry*& bucket(Bucket index) noexcept { return buckets_[index]; }

  /// The link to the entry with that key, or the empty link at the end of its bucket. It is valid
  /// until the table changes.
  [[nodiscard]] Entry** find(std::string_view key, std::uint32_t hash) noexcept {
    Entry** link = &buckets_[bucket_of(hash)];
    while (*link != nullptr && ((*link)->hash != hash || (*link)->key() != key))
      link = &(*link)->next;
    return link;
  }
  /// `entry` has a key that the table has not. Without memory the buckets become longer.
  void insert(Entry& entry) noexcept {
    if (size_ >= buckets_.size()) split();
    Entry*& first = buckets_[bucket_of(entry.hash)];
    entry.next = first;
    first = &entry;
    ++size_;
  }
  /// Takes out the entry of a link that find() or bucket() has returned.
  Entry* remove(Entry*& link) noexcept {
    Entry* const entry = link;
    link = entry->next;
    --size_;
    for (int i = 0; i < 2 && buckets_.size() > size_min && size_ < buckets_.size() / 2; ++i) join();
    return entry;
  }

  /// The bucket that a scan visits at `cursor`, which becomes that of the next, or 0 at the end.
  [[nodiscard]] Bucket scan(Bucket& cursor) const noexcept {
    const Bucket found = bucket_of(cursor);
    const Bucket low = (mask_ >> 1U) & cursor;
    // The bits that all hashes in this bucket share: all of the mask, unless it was not split yet.
    const bool is_split = low < buckets_.size() - (mask_ >> 1U) - 1;
    const Bucket shared = is_split ? mask_ : mask_ >> 1U;
    // Counts from the highest of these bits down.
    Bucket bit = shared ^ shared >> 1U;
    cursor &= shared;
    for (; (cursor & bit) != 0; bit >>= 1U) cursor &= ~bit;
    cursor |= bit;
    return found;
  }

 private:
  static constexpr std::size_t size_min = 16;

  [[nodiscard]] Bucket bucket_of(std::uint32_t hash) const noexcept {
    const Bucket index = hash & mask_;
    return index < buckets_.size() ? index : hash & mask_ >> 1U;
  }
  /// Adds a bucket, which gets its part of the one that the tree has at its place.
  void split() noexcept {
    const auto added = buckets();
    try {
      buckets_.push_back(nullptr);
    } catch (const std::bad_alloc&) {
      return;
    }
    if (added > mask_) mask_ = mask_ << 1U | 1U;
    Entry** from = &buckets_[added & mask_ >> 1U];
    Entry** to = &buckets_[added];
    while (Entry* const entry = *from) {
      if ((entry->hash & mask_) != added) {
        from = &entry->next;
        continue;
      }
      *from = entry->next;
      entry->next = nullptr;
      *to = entry;
      to = &entry->next;
    }
  }
  void join() noexcept {
    Entry* const rest = buckets_.back();
    buckets_.pop_back();
    Entry** end = &buckets_[buckets_.size() & mask_ >> 1U];
    while (*end != nullptr) end = &(*end)->next;
    *end = rest;
    if (buckets_.size() > (mask_ >> 1U) + 1) return;
    mask_ >>= 1U;
    buckets_.shrink_to_fit();
  }

  std::vector<Entry*> buckets_;
  Bucket mask_ = size_min - 1;  // as many low bits of a hash as the highest bucket has
  std::size_t size_ = 0;
};

}  // namespace cache
