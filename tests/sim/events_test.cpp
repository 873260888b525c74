// SPDX-License-Identifier: MIT
// The event queue against a model that is obviously correct, an ordered map. RONDO_SEED replays a
// run.
#include "../../backends/sim/events.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "support/seed.h"

namespace rondo::sim {
namespace {

using namespace std::chrono_literals;

TEST(EventQueue, RunsAllInOrderButTheCancelled) {
  std::mt19937_64 random{test::chosen_seed()};
  const auto below = [&random](std::uint64_t bound) { return random() % bound; };
  using Key = std::pair<TimePoint, std::uint64_t>;
  EventQueue queue;
  std::map<Key, EventQueue::Ticket> model;
  std::vector<EventQueue::Ticket> gone;
  TimePoint now{};
  std::uint64_t called = 0;
  for (std::uint64_t i = 1; i < 50'000; ++i) {
    // Mostly packets, and some events before them, after them, or much later.
    constexpr Duration delays[] = {1ms, 1ms, 1ms, 0ms, 40ms, 1s, 1h};
    const bool grows = i / 5000 % 2 == 0;
    const std::uint64_t choice = below(100);
    if (choice < (grows ? 50u : 35u)) {
      const TimePoint time = now + delays[below(std::size(delays))];
      model.emplace(Key{time, i}, queue.at(time, [i, &called] { called = i; }));
    } else if (choice < 60 && !model.empty()) {
      const auto cancelled =
          std::next(model.begin(),
                    static_cast<std::ptrdiff_t>(below(std::min<std::size_t>(model.size(), 9))));
      gone.push_back(cancelled->second);
      queue.cancel(cancelled->second);
      EXPECT_EQ(cancelled->second, EventQueue::Ticket::none);
      model.erase(cancelled);
    } else if (choice < 65 && !gone.empty()) {
      EventQueue::Ticket stale = gone[below(gone.size())];
      queue.cancel(stale);
    } else if (!model.empty()) {
      const auto first = model.begin();
      ASSERT_EQ(queue.next(), first->first.first);
      now = first->first.first;
      queue.pop()();
      ASSERT_EQ(called, first->first.second);
      gone.push_back(first->second);
      model.erase(first);
    }
    ASSERT_EQ(queue.empty(), model.empty());
    ASSERT_EQ(queue.next(), model.empty() ? never : model.begin()->first.first);
  }
}

}  // namespace
}  // namespace rondo::sim
