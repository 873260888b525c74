// SPDX-License-Identifier: MIT
#include "cache/table.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "cache/hash.h"
#include "support/seed.h"

namespace cache {
namespace {

// https://github.com/veorq/SipHash has vectors of SipHash-2-4 alone; these are of the reference
// with one and two rounds, and the key 00 01 .. 0f.
TEST(Hashes, DifferWithTheKeyAndWithEachByte) {
  const Hash hash{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  const Hash other{0x0706050403020100U, 0x0f0e0d0c0b0a0909U};
  std::set<std::uint64_t> seen;
  std::string text;
  for (int i = 0; i < 40; ++i) {
    seen.insert(hash(text));
    seen.insert(other(text));
    for (std::size_t at = 0; at < text.size(); ++at) {
      std::string changed = text;
      ++changed[at];
      seen.insert(hash(changed));
    }
    text += static_cast<char>(i);
  }
  EXPECT_EQ(seen.size(), 40U * 2 + 39 * 40 / 2);
}

/// Entries without values, which the test keeps.
class Tables : public testing::Test {
 protected:
  struct Named {
    Entry entry;
    char key[sizeof(std::uint32_t)];
  };

  Entry& made(std::uint32_t number) {
    Named& named = named_[number];
    std::memcpy(named.entry.text(), &number, sizeof(number));
    named.entry.key_size = sizeof(number);
    named.entry.hash = number * 2654435761U;
    return named.entry;
  }
  void insert(std::uint32_t number) { table_.insert(made(number)); }
  Entry** find(std::uint32_t number) {
    char key[sizeof(number)];
    std::memcpy(key, &number, sizeof(number));
    return table_.find({key, sizeof(key)}, number * 2654435761U);
  }
  void remove(std::uint32_t number) {
    Entry** const link = find(number);
    ASSERT_NE(*link, nullptr);
    table_.remove(*link);
    named_.erase(number);
  }
  /// All that a scan visits in one step.
  std::uint32_t scan(std::uint32_t cursor, std::multiset<std::uint32_t>& seen) {
    for (const Entry* entry = table_.bucket(table_.scan(cursor)); entry != nullptr;
         entry = entry->next) {
      std::uint32_t number = 0;
      std::memcpy(&number, entry->text(), sizeof(number));
      seen.insert(number);
    }
    return cursor;
  }

  Table table_;
  std::map<std::uint32_t, Named> named_;
};

TEST_F(Tables, FindWhatWasInsertedAndNotRemoved) {
  std::mt19937_64 random{rondo::test::chosen_seed()};
  std::set<std::uint32_t> model;
  for (int step = 0; step < 20'000; ++step) {
    const auto number = static_cast<std::uint32_t>(random() % 500);
    const bool grows = step / 2000 % 2 == 0;
    if (!model.contains(number) && (grows || random() % 4 == 0)) {
      insert(number);
      model.insert(number);
    } else if (model.contains(number) && (!grows || random() % 4 == 0)) {
      remove(number);
      model.erase(number);
    }
    const auto other = static_cast<std::uint32_t>(random() % 500);
    ASSERT_EQ(*find(other) != nullptr, model.contains(other));
    ASSERT_EQ(table_.size(), model.size());
  }
}

TEST_F(Tables, GrowAndShrinkByAFewBucketsAtATime) {
  for (std::uint32_t number = 0; number < 1000; ++number) {
    const Table::Bucket before = table_.buckets();
    insert(number);
    EXPECT_LE(table_.buckets(), before + 1);
    EXPECT_GE(table_.buckets(), table_.size());
  }
  for (std::uint32_t number = 0; number < 1000; ++number) {
    const Table::Bucket before = table_.buckets();
    remove(number);
    EXPECT_GE(table_.buckets() + 2, before);
  }
  EXPECT_EQ(table_.buckets(), 16U);
}

TEST_F(Tables, ScannedAtRestShowEachEntryOnce) {
  for (std::uint32_t size = 0; size < 300; ++size) {
    std::multiset<std::uint32_t> seen;
    std::uint32_t cursor = 0;
    do {
      cursor = scan(cursor, seen);
    } while (cursor != 0);
    ASSERT_EQ(seen.size(), size);
    insert(size);
  }
}

TEST_F(Tables, ScannedWhileTheyChangeShowAllThatStays) {
  std::mt19937_64 random{rondo::test::chosen_seed()};
  constexpr std::uint32_t staying = 200;
  for (std::uint32_t number = 0; number < staying; ++number) insert(number);
  std::uint32_t next = staying;
  std::vector<std::uint32_t> others;
  for (int round = 0; round < 200; ++round) {
    std::multiset<std::uint32_t> seen;
    std::uint32_t cursor = 0;
    const bool grows = random() % 2 == 0;
    const std::size_t others_max = others.size() + 300;
    do {
      cursor = scan(cursor, seen);
      for (std::size_t changes = random() % 8; changes > 0; --changes) {
        if (grows && others.size() < others_max) {
          others.push_back(next);
          insert(next++);
        } else if (!grows && !others.empty()) {
          remove(others.back());
          others.pop_back();
        }
      }
    } while (cursor != 0 && seen.size() < 100'000);
    ASSERT_EQ(cursor, 0U);
    for (std::uint32_t number = 0; number < staying; ++number)
      ASSERT_TRUE(seen.contains(number)) << number;
  }
}

}  // namespace
}  // namespace cache
