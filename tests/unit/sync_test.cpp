// SPDX-License-Identifier: MIT
// Tasks that wait for each other: order, cancellation, and that nothing is lost.
#include <rondo/sync.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <rondo/queue.h>

#include "support/task_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class SyncTest : public TaskFixture {
 protected:
  /// Spawns a task that can be cancelled by itself.
  std::unique_ptr<TaskGroup> spawn(Task<> task) {
    auto own = std::make_unique<TaskGroup>(reactor);
    own->spawn(std::move(task));
    turn();
    return own;
  }
};

TEST_F(SyncTest, AnEventWakesAllThatWaitAndLetsLaterOnesThrough) {
  Event event;
  int woken = 0;
  const auto body = [&]() -> Task<> {
    co_await event.wait();
    ++woken;
  };
  const auto first = spawn(body());
  const auto second = spawn(body());
  event.set();
  EXPECT_EQ(woken, 0) << "a call never resumes a task";
  turn();
  EXPECT_EQ(woken, 2);
  run(body());
  EXPECT_EQ(woken, 3);
  event.reset();
  const auto third = spawn(body());
  turn();
  EXPECT_EQ(woken, 3);
  EXPECT_FALSE(event.is_set());
}

TEST_F(SyncTest, ATaskThatIsCancelledAfterItWasWokenDoesNotContinue) {
  Event event;
  int woken = 0;
  const auto body = [&]() -> Task<> {
    co_await event.wait();
    ++woken;
  };
  auto first = spawn(body());
  event.set();
  first.reset();
  turn();
  EXPECT_EQ(woken, 0);
}

TEST_F(SyncTest, ASemaphoreLetsSoManyThroughInTheirOrder) {
  Semaphore places{2};
  Event event;
  std::vector<int> order;
  const auto body = [&](int number) -> Task<> {
    const auto permit = co_await places.acquire();
    order.push_back(number);
    co_await event.wait();
  };
  for (int number = 0; number < 5; ++number) group.spawn(body(number));
  turn();
  EXPECT_EQ(order, (std::vector<int>{0, 1}));
  EXPECT_EQ(places.available(), 0U);
  event.set();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(places.available(), 2U);
}

// The permit is granted in the turn in which its waiter dies.
TEST_F(SyncTest, APermitOfACancelledWaiterGoesToTheNext) {
  for (const bool granted : {false, true}) {
    Semaphore places{1};
    std::vector<int> order;
    const auto body = [&](int number) -> Task<> {
      const auto permit = co_await places.acquire();
      order.push_back(number);
      if (number == 0) co_await sleep(1s);
    };
    auto holder = spawn(body(0));
    auto first = spawn(body(1));
    auto second = spawn(body(2));
    if (granted) holder.reset();
    first.reset();
    holder.reset();
    turn();
    EXPECT_EQ(order, (std::vector<int>{0, 2}));
    EXPECT_EQ(places.available(), 1U);
  }
}

TEST_F(SyncTest, AnUnwantedPermitMayBeReleasedAtOnce) {
  Semaphore places{1};
  const auto body = [&]() -> Task<> {
    auto permit = co_await places.acquire();
    permit.release();
    EXPECT_EQ(places.available(), 1U);
    permit.release();
    EXPECT_EQ(places.available(), 1U);
  };
  run(body());
}

TEST_F(SyncTest, AMutexIsHandedOverInOrder) {
  Mutex mutex;
  std::string log;
  const auto body = [&](char name) -> Task<> {
    for (int i = 0; i < 2; ++i) {
      const auto lock = co_await mutex.lock();
      log += name;
      co_await sleep(1s);
      log += name;
    }
  };
  group.spawn(body('a'));
  group.spawn(body('b'));
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(log, "aabbaabb");
  EXPECT_FALSE(mutex.is_locked());
}

TEST_F(SyncTest, AQueueIsBoundedAndKeepsTheOrder) {
  Queue<int> queue{2};
  std::vector<int> seen;
  std::size_t most = 0;
  const auto producer = [&]() -> Task<> {
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(co_await queue.push(i));
      most = std::max(most, queue.size());
    }
    queue.close();
  };
  const auto consumer = [&]() -> Task<> {
    while (const auto value = co_await queue.pop()) seen.push_back(*value);
  };
  group.spawn(producer());
  group.spawn(consumer());
  EXPECT_TRUE(reactor.run());
  ASSERT_EQ(seen.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(most, 2U);
}

TEST_F(SyncTest, AnExceptionThatLeavesTheTurnChangesNoOrder) {
  Queue<int> queue{2};
  std::string order;
  const auto waiter = [&](char name) -> Task<> {
    const auto value = co_await queue.pop();
    order += name;
    order += std::to_string(value.value_or(0));
  };
  const auto first = spawn(waiter('a'));
  const auto second = spawn(waiter('b'));
  auto own = std::make_unique<TaskGroup>(reactor);
  const auto thrower = [&]() -> Task<> {
    EXPECT_TRUE(queue.try_push(2));  // for b, when a has been woken, but has not continued
    own->cancel();
    throw std::runtime_error("leaves the turn");
    co_return;
  };
  own->spawn(thrower());
  EXPECT_TRUE(queue.try_push(1));
  EXPECT_THROW((void)reactor.run(), std::runtime_error);  // it does not return
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(order, "a1b2");
}

TEST_F(SyncTest, ClosingAQueueWakesAllThatWait) {
  Queue<int> full{1};
  Queue<int> empty{1};
  ASSERT_TRUE(full.try_push(1));
  int ended = 0;
  const auto pushes = [&]() -> Task<> {
    EXPECT_FALSE(co_await full.push(2));
    ++ended;
  };
  const auto pops = [&]() -> Task<> {
    EXPECT_EQ(co_await empty.pop(), std::nullopt);
    ++ended;
  };
  group.spawn(pushes());
  group.spawn(pops());
  turn();
  full.close();
  empty.close();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(ended, 2);
  EXPECT_EQ(full.try_pop(), 1) << "what is in it can be taken";
  EXPECT_EQ(full.try_pop(), std::nullopt);
  EXPECT_FALSE(full.try_push(3));
}

TEST_F(SyncTest, ACancelledPopTakesNothingAndACancelledPushAppendsNothing) {
  Queue<std::string> queue{1};
  std::vector<std::string> seen;
  const auto pops = [&]() -> Task<> { seen.push_back((co_await queue.pop()).value()); };
  const auto pushes = [&](std::string value) -> Task<> {
    EXPECT_TRUE(co_await queue.push(std::move(value)));
  };
  auto first = spawn(pops());
  auto second = spawn(pops());
  ASSERT_TRUE(queue.try_push("one"));
  first.reset();  // it was to get it
  turn();
  EXPECT_EQ(seen, std::vector<std::string>{"one"});

  ASSERT_TRUE(queue.try_push("two"));
  auto third = spawn(pushes("three"));
  auto fourth = spawn(pushes("four"));
  EXPECT_EQ(queue.try_pop(), "two");
  third.reset();  // it was to have room
  turn();
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_EQ(queue.try_pop(), "four");
}

TEST_F(SyncTest, AQueueTakesValuesThatCanOnlyBeMoved) {
  Queue<std::unique_ptr<int>> queue{1};
  int seen = 0;
  const auto body = [&]() -> Task<> {
    EXPECT_TRUE(co_await queue.push(std::make_unique<int>(7)));
    seen = **(co_await queue.pop());
  };
  run(body());
  EXPECT_EQ(seen, 7);
}

// Neither the stack nor a turn grows; what else the loop has to do is done in between.
TEST_F(SyncTest, TwoTasksThatPlayPingPongLetOthersRun) {
  constexpr int rounds = 100'000;
  Queue<int> there{1};
  Queue<int> back{1};
  int returned = 0;
  int ticks = 0;
  Timer tick{reactor, [&] { ++ticks; }};
  tick.arm_every(Duration::zero());
  tick.unref();
  const auto serves = [&]() -> Task<> {
    while (const auto ball = co_await there.pop()) EXPECT_TRUE(co_await back.push(*ball + 1));
  };
  const auto plays = [&]() -> Task<> {
    for (int i = 0; i < rounds; ++i) {
      EXPECT_TRUE(co_await there.push(i));
      returned = (co_await back.pop()).value();
    }
    there.close();
  };
  group.spawn(serves());
  group.spawn(plays());
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(returned, rounds);
  EXPECT_GE(ticks, rounds);
}

using SyncDeathTest = SyncTest;

TEST_F(SyncDeathTest, DestroyingWhatATaskWaitsForIsAnError) {
#ifndef NDEBUG
  EXPECT_DEATH(
      {
        auto event = std::make_unique<Event>();
        const auto body = [&]() -> Task<> { co_await event->wait(); };
        const auto waiting = spawn(body());
        event.reset();
      },
      "was destroyed while a task waits for it");
#endif
}

}  // namespace
}  // namespace rondo::test
