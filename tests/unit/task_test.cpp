// SPDX-License-Identifier: MIT
// Tasks by themselves: results, exceptions, frames, and stacks that do not grow.
#include <rondo/task.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/allocation_counter.h"
#include "support/task_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool is_address_sanitized = true;
#elif defined(__has_feature)
constexpr bool is_address_sanitized = __has_feature(address_sanitizer);
#else
constexpr bool is_address_sanitized = false;
#endif

class TaskTest : public TaskFixture {};

Task<int> half(int number) { co_return number / 2; }
Task<std::string> text(std::string value) { co_return value; }
Task<int&> reference(int& value) { co_return value; }
Task<std::unique_ptr<int>> owner(int value) { co_return std::make_unique<int>(value); }
Task<int> later(int value) {
  co_await sleep(1s);
  co_return value;
}
Task<> fail(bool late) {
  if (late) co_await sleep(1s);
  throw std::runtime_error("failed");
}

TEST_F(TaskTest, ReturnsItsResultToTheOneThatAwaits) {
  int seen = 0;
  const auto body = [&]() -> Task<> {
    EXPECT_EQ(co_await half(8), 4);
    EXPECT_EQ(co_await text("a text that is too long for the object itself"),
              "a text that is too long for the object itself");
    co_await reference(seen) = 3;
    EXPECT_EQ(*co_await owner(7), 7);
    EXPECT_EQ(co_await later(5), 5);
    ++seen;
  };
  run(body());
  EXPECT_EQ(seen, 4);
}

TEST_F(TaskTest, DoesNothingUntilItIsAwaited) {
  int count = 0;
  bool ran = false;
  const auto body = [](Counted, bool& flag) -> Task<> {
    flag = true;
    co_return;
  };
  {
    const Task<> task = body(Counted{count}, ran);
    EXPECT_EQ(count, 1);
  }
  EXPECT_EQ(count, 0);
  EXPECT_FALSE(ran);
}

TEST_F(TaskTest, ThrowsWhatItsBodyThrows) {
  for (const bool late : {false, true}) {
    std::string seen;
    const auto body = [&]() -> Task<> {
      try {
        co_await fail(late);
      } catch (const std::runtime_error& error) {
        seen = error.what();
      }
    };
    run(body());
    EXPECT_EQ(seen, "failed");
  }
}

TEST_F(TaskTest, ThrowsWhatTheCopyOfAnArgumentThrows) {
  struct Thrower {
    Thrower() = default;
    Thrower(const Thrower&) { throw std::runtime_error("copied"); }
  };
  const auto body = [](Thrower) -> Task<> { co_return; };
  const Thrower thrower;
  EXPECT_THROW((void)body(thrower), std::runtime_error);  // it is not returned
}

Task<int> add_up(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await half(2);
  co_return sum;
}

// The stack of a thread is 8 MiB: 8 bytes for each await would be too much.
TEST_F(TaskTest, ThatAwaitsAMillionTimesAtOnceGrowsNoStack) {
  int sum = 0;
  const auto body = [&]() -> Task<> { sum = co_await add_up(1'000'000); };
  run(body());
  EXPECT_EQ(sum, 1'000'000);
}

Task<int> chain(int depth, bool sleeps) {
  if (depth == 0) {
    if (sleeps) co_await sleep(1s);
    co_return 0;
  }
  co_return 1 + co_await chain(depth - 1, sleeps);
}

TEST_F(TaskTest, ChainsOfTenThousandEndInEitherWay) {
  for (const bool sleeps : {false, true}) {
    int depth = 0;
    const auto body = [&]() -> Task<> { depth = co_await chain(10'000, sleeps); };
    run(body());
    EXPECT_EQ(depth, 10'000);
  }
}

// Destroying nests, one task in the other: about 250 bytes of stack each in a release build.
TEST_F(TaskTest, ChainsAreDestroyedWhileTheyWait) {
  const auto body = [&]() -> Task<> { co_await chain(2'000, true); };
  group.spawn(body());
  turn();
  EXPECT_EQ(group.size(), 1U);
  group.cancel();
  EXPECT_EQ(group.size(), 0U);
  EXPECT_TRUE(reactor.run());
}

TEST_F(TaskTest, ThatIsCancelledDestroysItsVariables) {
  int count = 0;
  const auto inner = [](Counted) -> Task<> { co_await sleep(1h); };
  const auto body = [&]() -> Task<> {
    const Counted variable{count};
    co_await inner(Counted{count});
    ADD_FAILURE() << "it was cancelled";
  };
  group.spawn(body());
  turn();
  EXPECT_GE(count, 2);
  group.cancel();
  EXPECT_EQ(count, 0);
  EXPECT_TRUE(reactor.run());
}

TEST_F(TaskTest, ThatIsCancelledBeforeItStartedDestroysItsArguments) {
  int count = 0;
  const auto body = [](Counted) -> Task<> {
    ADD_FAILURE() << "it was cancelled";
    co_return;
  };
  group.spawn(body(Counted{count}));
  EXPECT_EQ(count, 1);
  group.cancel();
  EXPECT_EQ(count, 0);
  turn();
}

TEST_F(TaskTest, ThatCancelsItselfEndsAtItsNextSuspension) {
  int count = 0;
  int steps = 0;
  const auto inner = [&]() -> Task<> {
    const Counted variable{count};
    group.cancel();
    ++steps;
    co_await half(2);  // does not suspend
    ++steps;
    co_await sleep(1s);
    ADD_FAILURE() << "it was cancelled";
  };
  const auto body = [&]() -> Task<> {
    const Counted variable{count};
    co_await inner();
    ADD_FAILURE() << "it was cancelled";
  };
  run(body());
  EXPECT_EQ(steps, 2);
  EXPECT_EQ(count, 0);
}

TEST_F(TaskTest, ThatCancelsItselfMayEndBeforeItIsSuspended) {
  int count = 0;
  const auto body = [&]() -> Task<> {
    const Counted variable{count};
    group.cancel();
    co_return;
  };
  run(body());
  EXPECT_EQ(count, 0);
}

TEST_F(TaskTest, ThatCancelsItselfAndThrowsIsHeard) {
  const auto body = [&]() -> Task<> {
    group.cancel();
    throw std::runtime_error("heard");
    co_return;
  };
  group.spawn(body());
  EXPECT_THROW((void)reactor.run(), std::runtime_error);  // nor does it return
}

TEST_F(TaskTest, MayBeCancelledByTheDestructorOfItsChild) {
  struct Canceller {
    TaskGroup* group;
    ~Canceller() { group->cancel(); }
  };
  int count = 0;
  for (const bool waits : {false, true}) {
    const auto child = [&]() -> Task<> {
      const Canceller canceller{&group};
      if (waits) co_await sleep(1s);
    };
    const auto body = [&]() -> Task<> {
      const Counted variable{count};
      co_await child();
      co_await sleep(1s);
      ADD_FAILURE() << "it was cancelled";
    };
    run(body());
    EXPECT_EQ(count, 0);
  }
}

TEST_F(TaskTest, MayBeCancelledByADestructorOfItsArguments) {
  struct Canceller {
    explicit Canceller(TaskGroup& one) : group(&one) {}
    Canceller(Canceller&& other) noexcept : group(std::exchange(other.group, nullptr)) {}
    ~Canceller() {
      if (group != nullptr) group->cancel();
    }
    TaskGroup* group;
  };
  int count = 0;
  for (const bool waits : {false, true}) {
    const auto child = [](Canceller, bool late) -> Task<> {
      if (late) co_await sleep(1s);
    };
    const auto body = [&]() -> Task<> {
      const Counted variable{count};
      Task<> task = child(Canceller{group}, waits);
      co_await std::move(task);
      co_await sleep(1s);
      ADD_FAILURE() << "it was cancelled";
    };
    run(body());
    EXPECT_EQ(count, 0);
    run(child(Canceller{group}, waits));
  }
}

// Frames come from lists of their thread.
TEST_F(TaskTest, ThatIsCalledAgainTakesNoMemory) {
  if (is_address_sanitized) GTEST_SKIP() << "each frame is allocated";
  std::uint64_t taken = 1;
  const auto body = [&]() -> Task<> {
    (void)co_await add_up(10);
    const auto before = allocations();
    (void)co_await add_up(1000);
    taken = allocations() - before;
  };
  run(body());
  EXPECT_EQ(taken, 0U);
}

}  // namespace
}  // namespace rondo::test
