// SPDX-License-Identifier: MIT
// Work: posted from any thread, or deferred by the reactor's own.
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "support/allocation_counter.h"
#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class Posting : public ReactorOnEveryBackend {};
RONDO_ON_EVERY_BACKEND(Posting);

/// A reactor with limits that a test can reach.
class BoundedPosting : public ReactorOnEveryBackend {
 protected:
  static constexpr std::size_t posts_max = 8;
  static constexpr std::size_t posts_per_turn_max = 5;
  BoundedPosting()
      : ReactorOnEveryBackend({.posts_max = posts_max, .posts_per_turn_max = posts_per_turn_max}) {}
};
RONDO_ON_EVERY_BACKEND(BoundedPosting);

TEST_P(Posting, RunsInTheOrderOfTheCalls) {
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) reactor.post([&order, i] { order.push_back(i); });
  EXPECT_TRUE(reactor.run());
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST_P(Posting, FromFourThreadsLosesNothingAndKeepsEachThreadsOrder) {
  constexpr int producers = 4;
  constexpr int many = 20'000;
  std::array<int, producers> next{};
  int wrong = 0;
  int left = producers * many;
  std::optional<WorkGuard> hold{reactor.work_guard()};
  std::vector<std::thread> threads;
  for (std::size_t producer = 0; producer < producers; ++producer) {
    threads.emplace_back([&, producer] {
      for (int i = 0; i < many; ++i) {
        reactor.post([&, producer, i] {
          if (next[producer]++ != i) ++wrong;
          if (--left == 0) hold.reset();
        });
      }
    });
  }
  EXPECT_TRUE(reactor.run());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(left, 0);
  EXPECT_EQ(wrong, 0);
}

// The wake-up flag is cleared before the queue is drained. If a wake-up is lost, this test hangs.
TEST_P(Posting, LosesNoWakeUp) {
  constexpr int rounds = 3000;
  std::atomic<int> done{0};
  std::optional<WorkGuard> hold{reactor.work_guard()};
  std::thread producer{[&] {
    for (int round = 0; round < rounds; ++round) {
      reactor.post([&, round] {
        if (round + 1 == rounds) hold.reset();
        done.fetch_add(1);
      });
      while (done.load() <= round) std::this_thread::yield();
    }
  }};
  EXPECT_TRUE(reactor.run());
  producer.join();
  EXPECT_EQ(done.load(), rounds);
}

TEST_P(Posting, WakesOnceABurst) {
  const int before = spy.wakes.load();
  std::thread producer{[this] {
    for (int i = 0; i < 1000; ++i) reactor.post([] {});
  }};
  producer.join();
  EXPECT_LE(spy.wakes.load() - before, 1);
  EXPECT_TRUE(reactor.run());
  reactor.post([] {});
  EXPECT_LE(spy.wakes.load() - before, 2);
  EXPECT_TRUE(reactor.run());
}

TEST_P(Posting, CallsWithWhatCannotBeCopied) {
  int seen = 0;
  reactor.post([&seen, number = std::make_unique<int>(42)] { seen = *number; });
  reactor.defer([&seen, number = std::make_unique<int>(1)] { seen += *number; });
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(seen, 43);
}

TEST_P(Posting, TakesClosuresOfAnySize) {
  std::array<char, 10'000> large{};
  large.back() = 'z';
  char seen = 0;
  reactor.post([&seen, large] { seen = large.back(); });
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(seen, 'z');
}

TEST_P(Posting, AllocatesNothingForSmallClosures) {
  struct Small {
    std::int64_t* sum;
    std::int64_t numbers[5];
    void operator()() const { *sum += numbers[4]; }
  };
  static_assert(sizeof(Small) == Function<void()>::inline_size);
  std::int64_t sum = 0;
  const auto round = [&] {
    for (int i = 0; i < 100; ++i) {
      reactor.post(Small{&sum, {0, 0, 0, 0, 1}});
      reactor.defer(Small{&sum, {0, 0, 0, 0, 2}});
    }
    run_turns(reactor, 2);
  };
  for (int i = 0; i < 5; ++i) round();
  const std::uint64_t before = allocations();
  for (int i = 0; i < 20; ++i) round();
  EXPECT_EQ(allocations(), before);
  EXPECT_EQ(sum, 25 * 300);
}

// Work that posts work runs as one snapshot for each turn, and the poller runs in between.
TEST_P(Posting, FromPostedWorkRunsNextTurnAfterALookAtTheEvents) {
  const Pair pair = unix_pair();
  RecordingHandler handler;
  std::optional<Watch> watch{reactor.watch(pair.ours.get(), Ready::write, handler).value()};
  int generation = 0;
  std::vector<int> waits;
  const std::function<void()> work = [&] {
    waits.push_back(spy.waits);
    if (++generation < 20) {
      if (generation % 2 == 0) {
        reactor.post([&] { work(); });
      } else {
        reactor.defer([&] { work(); });
      }
    } else {
      watch.reset();
    }
  };
  reactor.post([&] { work(); });
  EXPECT_TRUE(reactor.run());
  ASSERT_EQ(waits.size(), 20U);
  for (std::size_t i = 1; i < waits.size(); ++i) EXPECT_EQ(waits[i], waits[i - 1] + 1);
  EXPECT_GE(handler.calls, 10) << "events were dispatched in between";
}

TEST_P(Posting, IsDeclinedByTryPostAlone) {
  int ran = 0;
  Function<void()> work{[&] { ++ran; }};
  EXPECT_TRUE(reactor.try_post(work));
  EXPECT_FALSE(work) << "the work was moved out";
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(ran, 1);
}

TEST_P(BoundedPosting, IsDeclinedAtTheLimitWithTheWorkUntouched) {
  int ran = 0;
  for (std::size_t i = 0; i < posts_max; ++i) {
    Function<void()> work{[&] { ++ran; }};
    EXPECT_TRUE(reactor.try_post(work)) << i;
  }
  Function<void()> more{[&] { ran += 100; }};
  EXPECT_FALSE(reactor.try_post(more));
  ASSERT_TRUE(more) << "untouched";
  reactor.post([&] { ran += 1000; });  // post() never declines
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(ran, static_cast<int>(posts_max) + 1000);
  EXPECT_TRUE(reactor.try_post(more)) << "the queue has room again";
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(ran, static_cast<int>(posts_max) + 1100);
}

TEST_P(BoundedPosting, RunsNoMoreInOneTurnThanItsLimit) {
  const WorkGuard hold = reactor.work_guard();
  for (const std::size_t many : {posts_per_turn_max - 1, posts_per_turn_max, posts_per_turn_max + 1,
                                 3 * posts_per_turn_max + 2}) {
    std::size_t ran = 0;
    for (std::size_t i = 0; i < many; ++i) reactor.post([&ran] { ++ran; });
    for (std::size_t left = many; left > 0;) {
      const std::size_t before = ran;
      EXPECT_TRUE(reactor.run_once(0s));
      EXPECT_EQ(ran - before, std::min(left, posts_per_turn_max));
      left -= std::min(left, posts_per_turn_max);
    }
  }
}

TEST_P(Posting, IsDestroyedUnrunWithTheReactor) {
  const auto token = std::make_shared<int>(0);
  bool ran = false;
  {
    Reactor doomed{GetParam().make()};
    doomed.post([token, &ran] { ran = true; });
    doomed.defer([token, &ran] { ran = true; });
    EXPECT_EQ(token.use_count(), 3);
  }
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_FALSE(ran);
}

TEST_P(Posting, ReleasesEachWorkWhenItHasRun) {
  const auto token = std::make_shared<int>(0);
  reactor.post([token] {});
  reactor.defer([token] {});
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(token.use_count(), 1);
}

/// Posts and defers more work when it is destroyed, a limited number of times.
class Relay {
 public:
  Relay(Reactor& reactor, int more) : reactor_(&reactor), more_(more) { ++alive; }
  Relay(Relay&& other) noexcept
      : reactor_(std::exchange(other.reactor_, nullptr)), more_(other.more_) {
    ++alive;
  }
  ~Relay() {
    --alive;
    if (reactor_ == nullptr || more_ == 0) return;
    reactor_->post([next = Relay{*reactor_, more_ - 1}] {});
    reactor_->defer([next = Relay{*reactor_, more_ - 1}, hold = reactor_->work_guard()] {});
  }

  static inline int alive = 0;

 private:
  Reactor* reactor_;
  int more_;
};

TEST_P(Posting, MayComeFromWorkThatIsDestroyedUnrun) {
  {
    Reactor mine{std::unique_ptr<Backend>{GetParam().make()}};
    mine.post([relay = Relay{mine, 3}] {});
    mine.defer([relay = Relay{mine, 3}] {});
  }
  EXPECT_EQ(Relay::alive, 0);
}

}  // namespace
}  // namespace rondo::test
