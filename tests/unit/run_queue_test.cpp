// The queue of streams for the end of the turn, against a model. Its streams are only addresses.
#include "stream/run_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "support/seed.h"

namespace rondo::test {
namespace {

using detail::RunQueue;
using detail::StreamImpl;

constexpr std::size_t count = 3'000;

class RunQueueModel : public testing::Test {
 protected:
  RunQueueModel() { queue_.reserve(count); }

  StreamImpl& stream(std::size_t number) {
    return *reinterpret_cast<StreamImpl*>(&addresses_[number * 64]);
  }
  [[nodiscard]] std::vector<StreamImpl*> content() const {
    std::vector<StreamImpl*> all;
    for (std::size_t i = 0; i < queue_.size(); ++i)
      if (queue_[i] != nullptr) all.push_back(queue_[i]);
    return all;
  }

  RunQueue queue_;
  std::vector<char> addresses_ = std::vector<char>(count * 64);
};

TEST_F(RunQueueModel, KeepsTheOrderWhateverIsRemoved) {
  std::mt19937_64 random{chosen_seed()};
  std::vector<StreamImpl*> model;
  for (int step = 0; step < 60'000; ++step) {
    StreamImpl& one = stream(random() % count);
    const auto found = std::find(model.begin(), model.end(), &one);
    if (found == model.end()) {
      EXPECT_FALSE(step % 7 == 0 && queue_.remove(one));
      queue_.push(one);
      model.push_back(&one);
    } else {
      ASSERT_TRUE(queue_.remove(one));
      model.erase(found);
    }
    ASSERT_EQ(queue_.empty(), model.empty());
    if (step % 1000 == 0) {
      ASSERT_EQ(content(), model);
    }
    if (step % 20'000 == 19'999) {
      queue_.clear();
      model.clear();
    }
  }
}

TEST_F(RunQueueModel, ManyMadeAndRemovedNeedNoMoreRoomThanThereIs) {
  for (std::size_t i = 0; i < 100 * count; ++i) {
    queue_.push(stream(i % count));
    if (i % count >= 50) {
      EXPECT_TRUE(queue_.remove(stream(i % count - 50)));
    }
    if (i % count == count - 1) queue_.clear();
  }
  EXPECT_EQ(queue_.capacity(), count);
}

TEST_F(RunQueueModel, IsEmptyWhenAllWereTaken) {
  for (std::size_t i = 0; i < 100; ++i) queue_.push(stream(i));
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(queue_.take(i), &stream(i));
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.size(), 0u);
  EXPECT_FALSE(queue_.remove(stream(1)));
}

}  // namespace
}  // namespace rondo::test
