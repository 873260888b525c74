// SPDX-License-Identifier: MIT
// What is over ends in two ways: when it is asked for, and by sweep(), which walks through all
// buckets, so that keys that no client asks for do not stay for ever.
//
// At the limit of memory the entry is evicted that was not used for the longest time, of a sample
// of ten: as redis-server does with allkeys-lru. The exact order would need two links in each
// entry, and each GET would write to two other entries; this needs a time, and a GET writes where
// it reads.
#include "store.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace cache {
namespace {

constexpr std::size_t sample_size = 10;
constexpr std::size_t block_overhead = 8;  // what malloc needs for each

std::size_t block_size(const Entry& entry) noexcept {
  return sizeof(Entry) + entry.key_size + entry.capacity;
}

}  // namespace

inline Entry** Store::find_link(std::string_view key, std::uint32_t hash) {
  Entry** const link = table_.find(key, hash);
  if (*link == nullptr || !is_over(**link)) [[likely]]
    return link;
  return drop_over(*link, key, hash);
}

/// Returns where the key is to be inserted: its bucket may have been joined with another.
Entry** Store::drop_over(Entry*& link, std::string_view key, std::uint32_t hash) {
  ++counters_.expired;
  destroy(table_.remove(link));
  return table_.find(key, hash);
}

Entry* Store::find(std::string_view key) {
  Entry* const entry = *find_link(key, hash(key));
  if (entry == nullptr) {
    ++counters_.misses;
  } else {
    ++counters_.hits;
    use(*entry);
  }
  return entry;
}

Entry* Store::peek(std::string_view key) { return *find_link(key, hash(key)); }

Entry& Store::set(std::string_view key, std::string_view value) {
  const std::uint32_t key_hash = hash(key);
  Entry** const link = find_link(key, key_hash);
  Entry* entry = *link;
  // A value that became much smaller does not keep its memory.
  if (entry != nullptr && value.size() <= entry->capacity && entry->capacity / 2 <= value.size()) {
    entry->assign(value);
  } else {
    Entry& made = make(key, value, value.size());
    made.hash = key_hash;
    if (entry == nullptr) {
      table_.insert(made);
    } else {
      made.next = entry->next;
      set_expiry(made, entry->expires_at);
      *link = &made;
      destroy(entry);
    }
    entry = &made;
  }
  use(*entry);
  return *entry;
}

Entry& Store::grow(Entry& entry, std::size_t more) {
  const std::size_t size = entry.value_size + more;
  if (size <= entry.capacity) return entry;
  Entry& larger = make(entry.key(), entry.value(), std::max(size, size + size / 2));
  larger.hash = entry.hash;
  larger.next = entry.next;
  set_expiry(larger, entry.expires_at);
  use(larger);
  *table_.find(entry.key(), entry.hash) = &larger;
  destroy(&entry);
  return larger;
}

void Store::append(Entry& entry, std::string_view more) noexcept {
  std::memcpy(entry.text() + entry.key_size + entry.value_size, more.data(), more.size());
  entry.value_size += static_cast<std::uint32_t>(more.size());
}

bool Store::remove(std::string_view key) {
  Entry** const link = find_link(key, hash(key));
  if (*link == nullptr) return false;
  destroy(table_.remove(*link));
  return true;
}

void Store::set_expiry(Entry& entry, std::int64_t at) noexcept {
  if (entry.expires_at != Entry::never) --expiring_;
  if (at != Entry::never) ++expiring_;
  entry.expires_at = at;
}

void Store::clear() noexcept {
  for (Table::Bucket index = 0; index < table_.buckets(); ++index)
    while (Entry* const entry = table_.bucket(index)) {
      table_.bucket(index) = entry->next;
      destroy(entry);
    }
  table_ = {};
  swept_ = 0;
}

Entry& Store::make(std::string_view key, std::string_view value, std::size_t capacity) {
  auto* const entry = ::new (::operator new(sizeof(Entry) + key.size() + capacity)) Entry{};
  entry->expires_at = Entry::never;
  entry->key_size = static_cast<std::uint32_t>(key.size());
  entry->value_size = static_cast<std::uint32_t>(value.size());
  entry->capacity = static_cast<std::uint32_t>(capacity);
  std::memcpy(entry->text(), key.data(), key.size());
  if (!value.empty()) std::memcpy(entry->text() + key.size(), value.data(), value.size());
  memory_ += block_size(*entry) + block_overhead;
  return *entry;
}

/// It is in no bucket any more.
void Store::destroy(Entry* entry) noexcept {
  memory_ -= block_size(*entry) + block_overhead;
  if (entry->expires_at != Entry::never) --expiring_;
  ::operator delete(entry);
}

bool Store::evict() {
  while (memory() > memory_max_) {
    if (table_.size() == 0) return false;
    evict_one();
  }
  return true;
}

Table::Bucket Store::random_bucket() noexcept {
  random_ = random_ * 6364136223846793005U + 1442695040888963407U;
  return static_cast<Table::Bucket>((random_ >> 32U) * table_.buckets() >> 32U);
}

void Store::evict_one() {
  const auto now = static_cast<std::uint32_t>(now_);
  std::size_t seen = 0;
  Entry** oldest = nullptr;
  for (Table::Bucket index = random_bucket(); seen < std::min(sample_size, table_.size());
       index = index + 1 < table_.buckets() ? index + 1 : 0) {
    for (Entry** link = &table_.bucket(index); *link != nullptr; link = &(*link)->next) {
      ++seen;
      if (oldest == nullptr || now - (*link)->used_at > now - (*oldest)->used_at) oldest = link;
    }
  }
  ++counters_.evicted;
  destroy(table_.remove(*oldest));
}

void Store::sweep() {
  constexpr std::size_t buckets_min = 64;
  constexpr std::size_t buckets_max = 20'000;  // below two milliseconds
  std::size_t left = std::clamp<std::size_t>(table_.buckets() / 16, buckets_min, buckets_max);
  for (; left > 0 && expiring_ > 0; --left) {
    if (swept_ >= table_.buckets()) swept_ = 0;
    if (!sweep_bucket(swept_)) ++swept_;
  }
}

/// Removes the first entry that is over. False: there was none.
bool Store::sweep_bucket(Table::Bucket index) {
  for (Entry** link = &table_.bucket(index); *link != nullptr; link = &(*link)->next) {
    if (!is_over(**link)) continue;
    ++counters_.expired;
    destroy(table_.remove(*link));
    return true;
  }
  return false;
}

}  // namespace cache
