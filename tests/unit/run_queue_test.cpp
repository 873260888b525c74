// SPDX-License-Identifier: MIT
// The queue of streams for the end of the turn, against a model. Its streams are only addresses.
#include "stream/run_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <vector>

#include "stream/handshake_queue.h"
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

TEST_F(RunQueueModel, GivesTheFirstOneWhateverWasRemoved) {
  std::mt19937_64 random{chosen_seed()};
  std::deque<StreamImpl*> model;
  for (int step = 0; step < 60'000; ++step) {
    StreamImpl& one = stream(random() % count);
    const auto found = std::find(model.begin(), model.end(), &one);
    if (random() % 3 == 0) {
      StreamImpl* const first = model.empty() ? nullptr : model.front();
      if (first != nullptr) model.pop_front();
      ASSERT_EQ(queue_.take_first(), first);
    } else if (found == model.end()) {
      queue_.push(one);
      model.push_back(&one);
    } else {
      ASSERT_TRUE(queue_.remove(one));
      model.erase(found);
    }
    ASSERT_EQ(queue_.empty(), model.empty());
  }
}

TEST(HandshakeQueue, TakesAFewStepsInEachTurnInOrder) {
  std::vector<char> addresses(20);
  detail::HandshakeQueue queue;
  const auto stream = [&](std::size_t n) { return reinterpret_cast<StreamImpl*>(&addresses[n]); };
  for (std::size_t i = 0; i < addresses.size(); ++i) queue.add();
  for (unsigned i = 0; i < detail::HandshakeQueue::steps_per_turn; ++i)
    EXPECT_TRUE(queue.take_step(true));
  EXPECT_FALSE(queue.take_step(true));
  EXPECT_FALSE(queue.has_next());
  for (std::size_t i = 0; i < 5; ++i) queue.wait(*stream(i), true);
  queue.wait(*stream(9), false);
  EXPECT_EQ(queue.next(), nullptr) << "this turn has taken its steps";
  queue.begin_turn();
  queue.leave(*stream(1), true);
  EXPECT_FALSE(queue.take_step(true)) << "others wait";
  EXPECT_EQ(queue.next(), stream(9)) << "it has begun before";
  EXPECT_EQ(queue.next(), stream(0));
  EXPECT_EQ(queue.next(), stream(2));
  EXPECT_EQ(queue.next(), stream(3));
  EXPECT_EQ(queue.next(), nullptr);
  EXPECT_TRUE(queue.has_next());
  queue.begin_turn();
  for (std::size_t i = 0; i < detail::HandshakeQueue::begun_max; ++i) queue.begun();
  EXPECT_FALSE(queue.has_next()) << "too many have begun";
  EXPECT_EQ(queue.next(), nullptr);
  queue.ended();
  EXPECT_EQ(queue.next(), stream(4));
}

}  // namespace
}  // namespace rondo::test
