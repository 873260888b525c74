// SPDX-License-Identifier: MIT
// cache: the keys and their values, with the time at which each ends and a limit for all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hash.h"
#include "table.h"

namespace cache {

/// Time is what set_time() said last. Entries are valid until the store changes.
class Store {
 public:
  static constexpr std::size_t unlimited = SIZE_MAX;

  explicit Store(std::size_t memory_max = unlimited) noexcept : memory_max_(memory_max) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store() { clear(); }

  void set_time(std::int64_t milliseconds) noexcept { now_ = milliseconds; }
  [[nodiscard]] std::int64_t now() const noexcept { return now_; }

  /// Null if there is none, or if its time is over. It counts as used now.
  [[nodiscard]] Entry* find(std::string_view key);
  /// The same, but it does not count as used.
  [[nodiscard]] Entry* peek(std::string_view key);
  /// Sets the value, and keeps the time at which an entry that exists ends. `key` and `value` are
  /// not views of the store.
  Entry& set(std::string_view key, std::string_view value);
  /// An entry with room for `more` bytes behind its value: this one, or a larger copy. Entries that
  /// grow have room to grow on, so that many small pieces do not cost a copy each.
  Entry& grow(Entry& entry, std::size_t more);
  void append(Entry& entry, std::string_view more) noexcept;
  bool remove(std::string_view key);
  /// `at` is Entry::never, or milliseconds since 1970.
  void set_expiry(Entry& entry, std::int64_t at) noexcept;
  void clear() noexcept;

  /// Evicts entries until the limit is kept. False if nothing is left that could be evicted.
  [[nodiscard]] bool make_room() { return memory() <= memory_max_ || evict(); }
  /// Removes entries whose time is over from some buckets, in turn from all.
  void sweep();

  struct Counters {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t expired = 0;
    std::uint64_t evicted = 0;
  };
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::size_t size() const noexcept { return table_.size(); }
  [[nodiscard]] std::size_t expiring() const noexcept { return expiring_; }
  [[nodiscard]] std::size_t memory() const noexcept { return memory_ + table_.bytes(); }
  [[nodiscard]] std::size_t memory_max() const noexcept { return memory_max_; }

  /// Calls `visit` with the entries of one bucket. Returns the next cursor, 0 at the end. Entries
  /// that are there from the first call to the last are visited at least once.
  template <typename Visit>
  [[nodiscard]] std::uint32_t scan(std::uint32_t cursor, Visit visit) {
    for (const Entry* entry = table_.bucket(table_.scan(cursor)); entry != nullptr;
         entry = entry->next)
      if (!is_over(*entry)) visit(*entry);
    return cursor;
  }

 private:
  [[nodiscard]] bool is_over(const Entry& entry) const noexcept { return entry.expires_at < now_; }
  [[nodiscard]] std::uint32_t hash(std::string_view key) const noexcept {
    return static_cast<std::uint32_t>(hash_(key));
  }
  void use(Entry& entry) const noexcept { entry.used_at = static_cast<std::uint32_t>(now_); }
  /// The link to it, which is empty if its time is over.
  Entry** find_link(std::string_view key, std::uint32_t hash);
  Entry** drop_over(Entry*& link, std::string_view key, std::uint32_t hash);
  Entry& make(std::string_view key, std::string_view value, std::size_t capacity);
  void destroy(Entry* entry) noexcept;
  bool sweep_bucket(Table::Bucket index);
  Table::Bucket random_bucket() noexcept;
  bool evict();
  void evict_one();

  const Hash hash_;
  Table table_;
  std::size_t memory_max_;
  std::size_t memory_ = 0;
  std::size_t expiring_ = 0;  // entries that have a time
  std::int64_t now_ = 0;
  Table::Bucket swept_ = 0;
  std::uint64_t random_ = 1;
  Counters counters_;
};

}  // namespace cache
