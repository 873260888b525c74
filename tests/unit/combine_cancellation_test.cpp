// SPDX-License-Identifier: MIT
// Several awaits at a time: what branches that are not wanted any more leave behind.
#include <rondo/combine.h>

#include <new>
#include <optional>
#include <utility>
#include <vector>

#include <rondo/queue.h>
#include <rondo/sync.h>

#include "support/task_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class CombineCancellationTest : public TaskFixture {};

Task<int> at_once(int number, std::vector<int>& seen) {
  seen.push_back(number);
  co_return number;
}
Task<int> after(Duration delay, std::vector<int>& seen) {
  seen.push_back(0);
  co_await sleep(delay);
  co_return 0;
}
template <typename Function>
Task<> at_depth(int depth, Function function) {
  if (depth == 0) co_return co_await function();
  co_await at_depth(depth - 1, function);
}
/// Around the depth at which the loop starts a task, instead of the one that awaits it.
constexpr int depth_first = 95;
constexpr int depth_last = 105;

TEST_F(CombineCancellationTest, ADeepLoserThatHasNotStartedNeverDoes) {
  Event event;
  event.set();
  std::vector<int> seen;
  const auto any = [&]() -> Task<> {
    const auto result =
        co_await when_any(after(1h, seen), after(1h, seen), event.wait(), after(1h, seen));
    EXPECT_EQ(result.index(), 2U);
  };
  const auto body = [&](int depth) -> Task<> {
    const TimePoint before = reactor.now();
    co_await at_depth(depth, any);
    EXPECT_EQ(reactor.now(), before);
  };
  for (int depth = depth_first; depth <= depth_last; ++depth) run(body(depth));
  EXPECT_FALSE(seen.empty()) << "where the stack has room";
}

TEST_F(CombineCancellationTest, DeepBranchesStartInTheirOrder) {
  for (int depth = depth_first; depth <= depth_last; ++depth) {
    std::vector<int> seen;
    const auto any = [&]() -> Task<> {
      const auto result = co_await when_any(at_once(1, seen), at_once(2, seen), at_once(3, seen));
      EXPECT_EQ(result.index(), 0U);
    };
    run(at_depth(depth, any));
    EXPECT_EQ(seen, std::vector<int>{1});
    seen.clear();
    const auto all = [&]() -> Task<> {
      co_await when_all(at_once(1, seen), at_once(2, seen), at_once(3, seen));
    };
    run(at_depth(depth, all));
    EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
  }
}

TEST_F(CombineCancellationTest, ADeepBranchThatFailsEndsThoseThatHaveNotStarted) {
  const auto fails = []() -> Task<int> {
    throw std::bad_alloc();
    co_return 0;
  };
  for (int depth = depth_first; depth <= depth_last; ++depth) {
    std::vector<int> seen;
    bool caught = false;
    const auto all = [&]() -> Task<> {
      try {
        co_await when_all(at_once(1, seen), fails(), at_once(2, seen), at_once(3, seen));
      } catch (const std::bad_alloc&) {
        caught = true;
      }
    };
    run(at_depth(depth, all));
    EXPECT_TRUE(caught);
    EXPECT_EQ(seen, std::vector<int>{1});
  }
}

TEST_F(CombineCancellationTest, WhatIsNotStartedIsDestroyedBeforeAnyReturns) {
  int count = 0;
  std::vector<int> seen;
  const auto late = [](Counted) -> Task<> { co_return; };
  const auto make_late = [&] { return late(Counted{count}); };
  const auto counts = [&](std::size_t) { return count; };
  const auto body = [&]() -> Task<> {
    EXPECT_EQ(counts((co_await when_any(at_once(1, seen), make_late())).index()), 0);
  };
  run(body());
}

/// What has no memory left when it is to be suspended.
class Unsuspendable {
 public:
  explicit Unsuspendable(int& taken) noexcept : taken_(&taken) {}
  class Awaiter {
   public:
    explicit Awaiter(int& taken) noexcept : taken_(&taken) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <typename Promise>
    void await_suspend(std::coroutine_handle<Promise>) {
      throw std::bad_alloc();
    }
    void await_resume() const noexcept { ++*taken_; }

   private:
    int* taken_;
  };
  [[nodiscard]] Awaiter operator co_await() const noexcept { return Awaiter{*taken_}; }

 private:
  int* taken_;
};

TEST_F(CombineCancellationTest, ABranchThatCannotBeSuspendedTakesNothing) {
  int taken = 0;
  int caught = 0;
  const TimePoint before = reactor.now();
  const auto body = [&]() -> Task<> {
    try {
      co_await when_any(sleep(1h), Unsuspendable{taken}, sleep(1h));
    } catch (const std::bad_alloc&) {
      ++caught;
    }
    try {
      co_await when_all(sleep(1h), Unsuspendable{taken}, sleep(1h));
    } catch (const std::bad_alloc&) {
      ++caught;
    }
  };
  run(body());
  EXPECT_EQ(taken, 0);
  EXPECT_EQ(caught, 2);
  EXPECT_EQ(reactor.now(), before) << "the others were cancelled";
}

/// Cancels the tasks of a group when it is destroyed.
class Canceller {
 public:
  explicit Canceller(TaskGroup& group) noexcept : group_(&group) {}
  Canceller(Canceller&& other) noexcept : group_(std::exchange(other.group_, nullptr)) {}
  Canceller& operator=(Canceller&&) = delete;
  ~Canceller() {
    if (group_ != nullptr) group_->cancel();
  }

 private:
  TaskGroup* group_;
};

TEST_F(CombineCancellationTest, AnyTakesNothingIfALoserCancelsItsTask) {
  Queue<int> queue{1};
  const auto loser = [](Canceller) -> Task<> { co_await sleep(1h); };
  const auto body = [&]() -> Task<> {
    co_await when_any(queue.pop(), loser(Canceller{group}));
    ADD_FAILURE() << "it was cancelled";
  };
  group.spawn(body());
  turn();
  EXPECT_TRUE(queue.try_push(7));
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(queue.try_pop(), 7);
}

TEST_F(CombineCancellationTest, APermitOfALoserGoesToTheNext) {
  Semaphore one{1};
  Semaphore other{1};
  std::vector<int> seen;
  const auto body = [&]() -> Task<> {
    const auto first = co_await when_any(one.acquire(), other.acquire());
    seen.push_back(static_cast<int>(first.index()));
    co_await sleep(1s);
  };
  const auto next = [&]() -> Task<> {
    const auto permit = co_await other.acquire();
    seen.push_back(2);
  };
  const auto held = [&]() -> Task<> {
    auto first = co_await one.acquire();
    auto second = co_await other.acquire();
    co_await sleep(1s);  // the others wait
    first.release();
    second.release();
  };
  group.spawn(held());
  group.spawn(body());
  group.spawn(next());
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(seen, (std::vector<int>{0, 2}));
  EXPECT_EQ(one.available(), 1U);
  EXPECT_EQ(other.available(), 1U);
}

// The timer of the timeout and that of the value have the same time.
// A scope with a deadline.
TEST_F(CombineCancellationTest, ATimeoutEndsTheTaskInAllThatItAwaits) {
  struct Counting {
    explicit Counting(int& one) : count(one) { ++count; }
    ~Counting() { --count; }
    int& count;
  };
  int count = 0;
  const auto part = [&](Duration delay) -> Task<> {
    const Counting counting{count};
    co_await sleep(delay);
  };
  const auto scope = [&]() -> Task<> {
    EXPECT_TRUE(co_await timeout(10s, part(1s)));
    co_await when_all(part(10s), part(20s));
  };
  const auto body = [&]() -> Task<> {
    const TimePoint before = reactor.now();
    EXPECT_FALSE(co_await timeout(3s, scope()));
    EXPECT_EQ(reactor.now() - before, 3s);
    EXPECT_EQ(count, 0);
  };
  run(body());
}

TEST_F(CombineCancellationTest, ATimeoutLosesNoValueOfItsTurn) {
  for (const bool timeout_first : {true, false}) {
    Queue<int> queue{1};
    std::optional<Timer> timer;
    const auto arm = [&] {
      timer.emplace(reactor, [&] { EXPECT_TRUE(queue.try_push(7)); });
      timer->arm_after(1s);
    };
    std::size_t taken = 0;
    bool ended = false;
    const auto body = [&]() -> Task<> {
      taken = co_await timeout(1s, queue.pop()) ? 1 : 0;
      ended = true;
    };
    if (!timeout_first) arm();
    group.spawn(body());
    turn();
    if (timeout_first) arm();
    EXPECT_TRUE(reactor.run());
    EXPECT_TRUE(ended);
    EXPECT_EQ(taken + queue.size(), 1U);
  }
}

TEST_F(CombineCancellationTest, MayBeCancelledWhileEachKindOfBranchWaits) {
  Event event;
  Semaphore none{0};
  Queue<int> empty{1};
  Queue<int> full{1};
  EXPECT_TRUE(full.try_push(1));
  int count = 0;
  const auto inner = [](Counted) -> Task<> { co_await sleep(1h); };
  const auto body = [&]() -> Task<> {
    TaskGroup others{reactor};
    others.spawn(inner(Counted{count}));
    std::vector<Task<>> tasks;
    tasks.push_back(inner(Counted{count}));
    tasks.push_back(inner(Counted{count}));
    co_await when_any(sleep(1h), event.wait(), none.acquire(), empty.pop(), full.push(2),
                      others.join(), inner(Counted{count}), timeout(1h, event.wait()),
                      when_all(event.wait(), empty.pop()), when_any(std::move(tasks)));
    ADD_FAILURE() << "it was cancelled";
  };
  group.spawn(body());
  turn();
  turn();
  EXPECT_GE(count, 4);
  EXPECT_TRUE(event.is_awaited());
  group.cancel();
  EXPECT_EQ(count, 0);
  EXPECT_FALSE(event.is_awaited());
  event.set();
  EXPECT_TRUE(empty.try_push(3));
  EXPECT_EQ(full.try_pop(), 1);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(empty.size(), 1U);
  EXPECT_EQ(full.size(), 0U);
}

}  // namespace
}  // namespace rondo::test
