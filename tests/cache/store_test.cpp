// SPDX-License-Identifier: MIT
#include "cache/store.h"

#include <gtest/gtest.h>

#include <string>

namespace cache {
namespace {

constexpr std::int64_t begin = 1'700'000'000'000;

std::string value_of(Store& store, std::string_view key) {
  const Entry* const entry = store.find(key);
  return entry == nullptr ? "(none)" : std::string{entry->value()};
}

TEST(Stores, KeepValuesOfAnySize) {
  Store store;
  for (const std::size_t size : {0U, 1U, 7U, 100U, 5U, 100'000U, 3U, 0U}) {
    const std::string value(size, 'x');
    store.set("key", value);
    EXPECT_EQ(value_of(store, "key"), value);
  }
  EXPECT_EQ(store.size(), 1U);
  EXPECT_TRUE(store.remove("key"));
  EXPECT_FALSE(store.remove("key"));
  EXPECT_EQ(value_of(store, "key"), "(none)");
}

TEST(Stores, ValuesGrowInPlaceOrMove) {
  Store store;
  store.set("other", "1");
  Entry* entry = &store.set("key", "a");
  store.set_expiry(*entry, begin);
  std::string wanted = "a";
  for (int i = 0; i < 1000; ++i) {
    entry = &store.grow(*entry, 3);
    store.append(*entry, "bcd");
    wanted += "bcd";
  }
  EXPECT_EQ(value_of(store, "key"), wanted);
  EXPECT_EQ(store.find("key")->expires_at, begin);
  EXPECT_EQ(value_of(store, "other"), "1");
}

TEST(Stores, EntriesEndAfterTheirTimeAndNotBefore) {
  Store store;
  store.set_time(begin);
  store.set_expiry(store.set("key", "1"), begin + 10);
  store.set_time(begin + 10);
  EXPECT_EQ(value_of(store, "key"), "1");
  store.set_time(begin + 11);
  EXPECT_EQ(value_of(store, "key"), "(none)");
  EXPECT_EQ(store.size(), 0U);
  EXPECT_EQ(store.counters().expired, 1U);
  store.set("key", "2");
  EXPECT_EQ(store.find("key")->expires_at, Entry::never);
}

TEST(Stores, SweepingRemovesWhatIsOverAndNothingElse) {
  Store store;
  store.set_time(begin);
  for (int i = 0; i < 1000; ++i) {
    Entry& entry = store.set("key" + std::to_string(i), "1");
    if (i % 2 == 0) store.set_expiry(entry, begin + 10);
  }
  EXPECT_EQ(store.expiring(), 500U);
  store.sweep();
  EXPECT_EQ(store.size(), 1000U);
  store.set_time(begin + 11);
  for (int i = 0; i < 100; ++i) store.sweep();
  EXPECT_EQ(store.size(), 500U);
  EXPECT_EQ(store.expiring(), 0U);
  for (int i = 1; i < 1000; i += 2) EXPECT_NE(store.find("key" + std::to_string(i)), nullptr);
}

TEST(Stores, CountTheMemoryOfWhatTheyHave) {
  Store store;
  const std::size_t empty = store.memory();
  for (int i = 0; i < 100; ++i) store.set("key" + std::to_string(i), std::string(1000, 'x'));
  EXPECT_GT(store.memory(), empty + 100'000);
  for (int i = 0; i < 100; ++i) store.set("key" + std::to_string(i), "x");
  EXPECT_LT(store.memory(), empty + 10'000);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(store.remove("key" + std::to_string(i)));
  EXPECT_EQ(store.memory(), empty);
  store.set("key", "x");
  store.clear();
  EXPECT_EQ(store.memory(), empty);
}

TEST(Stores, EvictWhatWasNotUsedForLong) {
  constexpr std::size_t memory_max = 100'000;
  Store store{memory_max};
  constexpr int count = 1000;
  int used_and_kept = 0;
  int unused_and_kept = 0;
  for (int i = 0; i < count; ++i) {
    store.set_time(begin + i);
    EXPECT_TRUE(store.make_room());
    store.set("key" + std::to_string(i), std::string(100, 'x'));
    for (int j = 0; j < 100 && j <= i; j += 2)
      (void)store.find("key" + std::to_string(j));  // only to use it
  }
  EXPECT_TRUE(store.make_room());
  EXPECT_LE(store.memory(), memory_max);
  EXPECT_GT(store.memory(), memory_max - 1000);
  for (int i = 0; i < 100; ++i)
    (i % 2 == 0 ? used_and_kept : unused_and_kept) +=
        store.find("key" + std::to_string(i)) != nullptr ? 1 : 0;
  EXPECT_EQ(used_and_kept, 50);
  EXPECT_LE(unused_and_kept, 5);
  EXPECT_EQ(store.counters().evicted, count - store.size());
}

TEST(Stores, ThatCannotKeepTheirLimitSaySo) {
  Store store{1};
  store.set("key", "x");
  EXPECT_FALSE(store.make_room());
  EXPECT_EQ(store.size(), 0U);
}

TEST(Stores, ScansDoNotShowWhatIsOver) {
  Store store;
  store.set_time(begin);
  store.set_expiry(store.set("a", "1"), begin);
  store.set("b", "2");
  store.set_time(begin + 1);
  std::string seen;
  std::uint32_t cursor = 0;
  do {
    cursor = store.scan(cursor, [&](const Entry& entry) { seen += entry.key(); });
  } while (cursor != 0);
  EXPECT_EQ(seen, "b");
}

}  // namespace
}  // namespace cache
