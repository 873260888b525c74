// SPDX-License-Identifier: MIT
// InputBuffer: what is copied, and what memory it keeps.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/input_buffer.h>

#include "support/allocation_counter.h"
#include "support/seed.h"

namespace rondo::test {
namespace {

TEST(InputBuffer, ReusesItsMemoryThoughItIsNeverEmpty) {
  const std::string chunk(100, 'x');
  InputBuffer buffer;
  buffer.lend("0123456789");
  std::uint64_t before = 0;
  for (int round = 0; round < 10'000; ++round) {
    if (round == 10) before = allocations();
    buffer.lend(chunk);
    buffer.keep();
    ASSERT_EQ(buffer.size(), 110U);
    buffer.drop(100);
  }
  EXPECT_EQ(allocations(), before);
}

/// All but the last `lent` bytes are kept, after others that were dropped.
InputBuffer split(std::string_view text, std::size_t lent) {
  InputBuffer buffer;
  buffer.lend("dropped");
  buffer.keep();
  buffer.lend(text.substr(0, text.size() - lent));
  buffer.keep();
  buffer.drop(7);
  buffer.lend(text.substr(text.size() - lent));
  return buffer;
}

// Every text of up to 6 letters a and b, wherever it is split, and whatever is searched for.
TEST(InputBuffer, FindsTextWhereverItIsSplit) {
  const auto letters = [](unsigned bits, std::size_t size) {
    std::string text;
    for (; size > 0; --size, bits >>= 1U) text += (bits & 1U) != 0 ? 'b' : 'a';
    return text;
  };
  for (std::size_t size = 0; size <= 6; ++size) {
    for (unsigned bits = 0; bits < 1U << size; ++bits) {
      const std::string text = letters(bits, size);
      for (std::size_t lent = 0; lent <= size; ++lent) {
        const InputBuffer buffer = split(text, lent);
        for (std::size_t length = 0; length <= 3; ++length) {
          for (unsigned wanted = 0; wanted < 1U << length; ++wanted) {
            const std::string needle = letters(wanted, length);
            for (std::size_t from = 0; from <= size + 2; ++from) {
              ASSERT_EQ(buffer.find(needle, from), text.find(needle, from))
                  << text << ' ' << lent << ' ' << needle << ' ' << from;
            }
          }
        }
      }
    }
  }
}

TEST(InputBuffer, KnowsWhenAMessageIsTooLong) {
  InputBuffer buffer{10};
  buffer.lend("0123456789");
  EXPECT_FALSE(buffer.is_over_limit());
  buffer.keep();
  EXPECT_FALSE(buffer.is_over_limit());
  buffer.lend("x");
  EXPECT_TRUE(buffer.is_over_limit());
  buffer.drop(1);
  EXPECT_FALSE(buffer.is_over_limit());
  buffer.lend(std::string(100, 'x'));
  EXPECT_TRUE(buffer.is_over_limit());
  buffer.clear();
  EXPECT_FALSE(buffer.is_over_limit());
  EXPECT_FALSE(InputBuffer{}.is_over_limit());
  const std::string much(1'000'000, 'x');
  InputBuffer boundless;
  boundless.lend(much);
  EXPECT_FALSE(boundless.is_over_limit());
}

// The example of its docstring, with messages `size`, a digit, and then so many bytes.
TEST(InputBuffer, GathersMessagesWhateverTheChunks) {
  std::mt19937_64 random{chosen_seed()};
  std::string input;
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    const std::size_t size = random() % 10;
    expected.push_back(std::to_string(size) + std::string(size, static_cast<char>('a' + i % 26)));
    input += expected.back();
  }
  for (int round = 0; round < 50; ++round) {
    InputBuffer buffer{10};
    std::vector<std::string> got;
    for (std::size_t at = 0; at < input.size();) {
      const std::string chunk = input.substr(at, 1 + random() % (round < 25 ? 5 : 200));
      at += chunk.size();
      buffer.feed(std::as_bytes(std::span{chunk}));
      while (buffer.size() > 0) {
        const std::size_t size = 1 + static_cast<std::size_t>(buffer[0] - '0');
        if (buffer.size() < size) break;
        const std::string_view message = buffer.front(size);
        buffer.drop(size);
        got.emplace_back(message);  // it is valid after drop()
      }
      buffer.keep();
      ASSERT_FALSE(buffer.is_over_limit());
    }
    ASSERT_EQ(got, expected);
  }
}

TEST(InputBuffer, TakesNoMoreMemoryThanItsLimit) {
  InputBuffer buffer{100'000};
  const std::string chunk(1'000, 'x');
  const std::int64_t before = live_bytes();
  for (int i = 0; i < 100; ++i) {
    buffer.lend(chunk);
    buffer.keep();
    EXPECT_LE(live_bytes() - before, 101'000);
  }
  EXPECT_EQ(buffer.size(), 100'000u);
  buffer.drop(99'990);
  buffer.release_memory();
  EXPECT_LE(live_bytes() - before, 2'000);
  EXPECT_EQ(buffer.front(10), "xxxxxxxxxx");
}

}  // namespace
}  // namespace rondo::test
