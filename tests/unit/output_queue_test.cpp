// SPDX-License-Identifier: MIT
// OutputQueue against a model that is obviously right: one string. RONDO_SEED repeats a run.
#include "stream/output_queue.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <utility>

#include "support/allocation_counter.h"
#include "support/descriptor_census.h"
#include "support/descriptors.h"
#include "support/seed.h"

namespace rondo::test {
namespace {

using detail::OutputQueue;

class OutputQueueModel : public DescriptorCensus {
 protected:
  static constexpr std::size_t file_size = 10'000;
  static constexpr int operations_max = 30'000;

  OutputQueueModel() {
    char path[] = "/tmp/rondo-queue-XXXXXX";
    file_ = Fd{::mkostemp(path, O_CLOEXEC)};
    EXPECT_EQ(::unlink(path), 0);
    file_text_ = some_text(file_size);
    write_all(file_.get(), file_text_);
  }

  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>{0, limit - 1}(random_);
  }
  std::string some_text(std::size_t size) {
    std::string text(size, ' ');
    for (char& one : text) one = static_cast<char>('a' + below(26));
    return text;
  }
  std::size_t some_size() {
    constexpr std::size_t around[] = {1, 10, 1000, 4095, 4096, 4097, 20'000};
    return below(10) == 0 ? 0 : 1 + below(around[below(std::size(around))]);
  }

  void push() {
    const std::string text = some_text(some_size());
    switch (below(3)) {
      case 0:
        queue_.push_copy(std::as_bytes(std::span{text}));
        model_ += text;
        memory_.append(text.size(), 'm');
        break;
      case 1:
        queue_.push_owned(OwnedBytes{std::string{text}});
        model_ += text;
        memory_.append(text.size(), 'm');
        break;
      default: {
        const std::size_t offset = below(file_size);
        const std::size_t size = below(file_size - offset + 1);
        queue_.push_file(File{duplicate(file_.get()).release()}, offset, size);
        model_ += file_text_.substr(offset, size);
        memory_.append(size, 'f');
      }
    }
  }

  /// Compares the front of the queue, as far as gather() or file() return it, with the model.
  void compare() {
    std::array<Bytes, 8> parts;
    const std::size_t count = queue_.gather(std::span{parts}.first(1 + below(parts.size())));
    std::string front;
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_FALSE(parts[i].empty());
      front.append(reinterpret_cast<const char*>(parts[i].data()), parts[i].size());
    }
    if (count == 0 && !queue_.empty()) {
      const auto file = queue_.file();
      front.resize(file.size);
      ASSERT_EQ(::pread(file.fd, front.data(), front.size(), static_cast<off_t>(file.offset)),
                static_cast<ssize_t>(front.size()));
    }
    ASSERT_EQ(front, model_.substr(0, front.size()));
    ASSERT_EQ(front.empty(), model_.empty());
    ASSERT_EQ(queue_.empty(), model_.empty());
    ASSERT_EQ(queue_.size(), model_.size());
    ASSERT_EQ(queue_.memory(),
              static_cast<std::size_t>(std::count(memory_.begin(), memory_.end(), 'm')));
  }

  void drop() {
    if (model_.empty()) return;
    const std::size_t size =
        below(4) == 0 ? below(model_.size() + 1) : std::min(model_.size(), below(5000));
    queue_.drop(size);
    model_.erase(0, size);
    memory_.erase(0, size);
  }

  std::mt19937_64 random_{chosen_seed()};
  Fd file_;
  std::string file_text_;
  OutputQueue queue_;
  std::string model_;
  std::string memory_;  // for each byte of the model: where it is
};

TEST_F(OutputQueueModel, HoldsWhatTheModelHolds) {
  for (int i = 0; i < operations_max; ++i) {
    // Long queues and short ones take turns.
    if (below(100) < (i / 1000 % 2 == 0 ? 52u : 45u)) {
      push();
    } else {
      drop();
    }
    if (below(2000) == 0) {
      queue_.clear();
      model_.clear();
      memory_.clear();
    }
    if (model_.size() > 300'000) {
      queue_.drop(model_.size() - 100);
      memory_.erase(0, model_.size() - 100);
      model_.erase(0, model_.size() - 100);
    }
    compare();
    if (HasFatalFailure()) FAIL() << "after " << i << " operations";
  }
}

TEST_F(OutputQueueModel, SmallCopiesShareAPart) {
  for (int i = 0; i < 100; ++i) queue_.push_copy(std::as_bytes(std::span{file_text_}.first(10)));
  std::array<Bytes, 8> parts;
  EXPECT_EQ(queue_.gather(parts), 1u);
}

TEST_F(OutputQueueModel, TakesLittleMoreMemoryThanItHolds) {
  for (const std::size_t size : {1u, 100u, 1000u, 1100u, 2049u, 3000u}) {
    SCOPED_TRACE(size);
    const std::string text = some_text(size);
    const std::int64_t before = live_bytes();
    while (queue_.memory() < 1'000'000) queue_.push_copy(std::as_bytes(std::span{text}));
    EXPECT_LE(live_bytes() - before, 1'060'000);
    EXPECT_LE(queue_.cost(), 1'060'000u);
    EXPECT_GE(queue_.cost() + 5000, static_cast<std::size_t>(live_bytes() - before));
    queue_.clear();
    EXPECT_EQ(live_bytes(), before);
    EXPECT_EQ(queue_.cost(), 0u);
  }
}

TEST_F(OutputQueueModel, GivesItsMemoryBackThoughItIsNeverEmpty) {
  const std::int64_t before = live_bytes();
  const std::string text = some_text(1000);
  for (int i = 0; i < 14'000; ++i) queue_.push_copy(std::as_bytes(std::span{text}));
  queue_.drop(queue_.size() - 100'000);
  queue_.push_copy(std::as_bytes(std::span{text}));
  EXPECT_LE(live_bytes() - before, 115'000);
}

TEST_F(OutputQueueModel, AnEndOfManyPiecesIsNoDeepRecursion) {
  constexpr std::size_t count = 300'000;
  for (std::size_t i = 0; i < count; ++i)
    queue_.push_owned(OwnedBytes{std::as_bytes(std::span{file_text_}), nullptr, nullptr});
  EXPECT_EQ(queue_.size(), count * file_size);
  queue_.clear();
  EXPECT_TRUE(queue_.empty());
}

TEST_F(OutputQueueModel, ReusesItsMemoryThoughItIsNeverEmpty) {
  int freed = 0;
  const auto one = [&] {
    return OwnedBytes{std::as_bytes(std::span{file_text_}), &freed,
                      [](void* owner) noexcept { ++*static_cast<int*>(owner); }};
  };
  queue_.push_owned(one());
  std::uint64_t before = 0;
  for (int i = 0; i < 1000; ++i) {
    if (i == 10) before = allocations();
    queue_.push_owned(one());
    queue_.drop(file_size);
    ASSERT_EQ(freed, i + 1) << "released at once";
  }
  EXPECT_EQ(allocations(), before);
  queue_.clear();
  EXPECT_EQ(freed, 1001);
}

}  // namespace
}  // namespace rondo::test
