// SPDX-License-Identifier: MIT
// Groups of tasks: their end, their errors, and that no task outlives its group.
#include <rondo/task_group.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <rondo/combine.h>
#include <rondo/sync.h>

#include "support/task_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class TaskGroupTest : public TaskFixture {};

Task<> sleeper(Counted) { co_await sleep(1h); }

Task<> fail_after(Duration delay, std::string what) {
  co_await sleep(delay);
  throw std::runtime_error(what);
}

TEST_F(TaskGroupTest, StartsItsTasksInOrderAtTheEndOfTheTurn) {
  std::vector<int> order;
  const auto body = [&](int number) -> Task<> {
    order.push_back(number);
    co_return;
  };
  for (int i = 0; i < 3; ++i) group.spawn(body(i));
  EXPECT_TRUE(order.empty());
  EXPECT_EQ(group.size(), 3U);
  turn();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(group.size(), 0U);
}

TEST_F(TaskGroupTest, IsJoinedWhenAllHaveEndedAlsoThoseThatCameMeanwhile) {
  int ended = 0;
  const auto body = [&]() -> Task<> {
    TaskGroup own{reactor};
    const auto late = [&]() -> Task<> {
      co_await sleep(2s);
      ++ended;
    };
    const auto early = [&]() -> Task<> {
      co_await sleep(1s);
      own.spawn(late());
      ++ended;
    };
    own.spawn(early());
    own.spawn(early());
    co_await own.join();
    EXPECT_EQ(ended, 4);
    co_await own.join();
    ++ended;
  };
  run(body());
  EXPECT_EQ(ended, 5);
}

TEST_F(TaskGroupTest, ThatLeavesItsScopeCancelsItsTasks) {
  int count = 0;
  const auto body = [&]() -> Task<> {
    TaskGroup own{reactor};
    for (int i = 0; i < 3; ++i) own.spawn(sleeper(Counted{count}));
    co_await sleep(1s);
    EXPECT_EQ(count, 3);
  };
  run(body());
  EXPECT_EQ(count, 0);
}

TEST_F(TaskGroupTest, CancelsTheOthersAfterTheFirstExceptionAndReportsIt) {
  int count = 0;
  std::string error;
  const auto body = [&]() -> Task<> {
    TaskGroup own{reactor};
    own.spawn(sleeper(Counted{count}));
    own.spawn(fail_after(2s, "second"));
    own.spawn(fail_after(1s, "first"));
    try {
      co_await own.join();
    } catch (const std::runtime_error& thrown) {
      error = thrown.what();
    }
    EXPECT_EQ(count, 0);
    EXPECT_EQ(own.size(), 0U);
    own.spawn(sleeper(Counted{count}));  // it can be used again
    EXPECT_EQ(own.size(), 1U);
  };
  run(body());
  EXPECT_EQ(error, "first");
}

TEST_F(TaskGroupTest, KeepsAnExceptionUntilItIsJoined) {
  std::string error;
  const auto body = [&]() -> Task<> {
    TaskGroup own{reactor};
    own.spawn(fail_after(1s, "kept"));
    co_await sleep(2s);
    int count = 0;
    own.spawn(sleeper(Counted{count}));
    EXPECT_EQ(count, 0) << "no task starts before the exception was reported";
    try {
      co_await own.join();
    } catch (const std::runtime_error& thrown) {
      error = thrown.what();
    }
  };
  run(body());
  EXPECT_EQ(error, "kept");
}

TEST_F(TaskGroupTest, ThatIsNeverJoinedReportsItsExceptionThroughRun) {
  auto own = std::make_unique<TaskGroup>(reactor);
  own->spawn(fail_after(1s, "unheard"));
  EXPECT_TRUE(reactor.run());
  own.reset();
  EXPECT_THROW((void)reactor.run(), std::runtime_error);  // it does not return
  EXPECT_TRUE(reactor.run());
}

TEST_F(TaskGroupTest, MayBeDestroyedByOneOfItsTasks) {
  int count = 0;
  std::optional<TaskGroup> own;
  own.emplace(reactor);
  const auto body = [&]() -> Task<> {
    const Counted variable{count};
    own.reset();
    co_await sleep(1s);
    ADD_FAILURE() << "it was cancelled";
  };
  own->spawn(sleeper(Counted{count}));
  own->spawn(body());
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(count, 0);
}

TEST_F(TaskGroupTest, MayBeDestroyedByADestructorOfATaskThatItCancels) {
  struct Destroyer {
    std::optional<TaskGroup>& group;
    ~Destroyer() { group.reset(); }
  };
  int count = 0;
  std::optional<TaskGroup> own;
  own.emplace(reactor);
  const auto body = [&]() -> Task<> {
    const Destroyer destroyer{own};
    co_await sleep(1h);
  };
  own->spawn(sleeper(Counted{count}));
  own->spawn(body());
  turn();
  own->cancel();
  EXPECT_FALSE(own.has_value());
  EXPECT_EQ(count, 0);
  EXPECT_TRUE(reactor.run());
}

TEST_F(TaskGroupTest, IsCancelledAgainAndAgain) {
  int count = 0;
  group.spawn(sleeper(Counted{count}));
  group.cancel();
  group.cancel();
  turn();
  group.cancel();
  EXPECT_EQ(count, 0);
  EXPECT_EQ(group.size(), 0U);
}

TEST_F(TaskGroupTest, ThatIsCancelledEndsItsJoin) {
  bool joined = false;
  TaskGroup own{reactor};
  int count = 0;
  own.spawn(sleeper(Counted{count}));
  const auto body = [&]() -> Task<> {
    co_await own.join();
    joined = true;
  };
  group.spawn(body());
  turn();
  EXPECT_FALSE(joined);
  own.cancel();
  turn();
  EXPECT_TRUE(joined);
}

TEST_F(TaskGroupTest, WhoseJoinIsCancelledRunsOn) {
  int ended = 0;
  TaskGroup own{reactor};
  const auto child = [&]() -> Task<> {
    co_await sleep(1s);
    ++ended;
  };
  own.spawn(child());
  const auto body = [&]() -> Task<> { co_await own.join(); };
  group.spawn(body());
  turn();
  group.cancel();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(ended, 1);
}

TEST_F(TaskGroupTest, WhoseJoinIsCancelledDropsWhatItWasToHear) {
  Event fails;
  Event stops;
  const auto child = [&]() -> Task<> {
    co_await fails.wait();
    throw std::runtime_error("first");
  };
  const auto body = [&]() -> Task<> {
    TaskGroup own{reactor};
    own.spawn(child());
    const auto result = co_await when_any(own.join(), stops.wait());
    EXPECT_EQ(result.index(), 1U) << "both are woken in one turn";
    EXPECT_EQ(own.size(), 0U);
    co_await own.join();
  };
  group.spawn(body());
  turn();
  fails.set();
  stops.set();
  EXPECT_TRUE(reactor.run()) << "and nothing leaves it";
  EXPECT_EQ(group.size(), 0U);
}

using TaskGroupDeathTest = TaskGroupTest;

TEST_F(TaskGroupDeathTest, MisuseIsReported) {
#ifndef NDEBUG
  const auto waits = [](TaskGroup& own) -> Task<> { co_await own.join(); };
  EXPECT_DEATH(
      {
        TaskGroup own{reactor};
        int count = 0;
        own.spawn(sleeper(Counted{count}));
        group.spawn(waits(own));
        group.spawn(waits(own));
        turn();
      },
      "was awaited while another task waits in it");
  EXPECT_DEATH(
      {
        std::optional<TaskGroup> own;
        own.emplace(reactor);
        int count = 0;
        own->spawn(sleeper(Counted{count}));
        group.spawn(waits(*own));
        turn();
        own.reset();
      },
      "destroyed while a task waits in its join");
  struct Thrower {
    ~Thrower() noexcept(false) { throw std::runtime_error("thrown"); }
  };
  const auto throws = []() -> Task<> {
    const Thrower thrower;
    co_await sleep(1h);
  };
  EXPECT_DEATH(
      {
        group.spawn(throws());
        turn();
        group.cancel();
      },
      "task_group_test.cpp:[0-9]+ was cancelled: thrown");
#endif
}

}  // namespace
}  // namespace rondo::test
