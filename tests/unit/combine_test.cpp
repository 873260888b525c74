// SPDX-License-Identifier: MIT
// Several awaits at a time: results, cancellation, and what is ready in one turn.
#include <rondo/combine.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <rondo/queue.h>
#include <rondo/sync.h>

#include "support/task_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class CombineTest : public TaskFixture {
 protected:
  TimePoint start() const { return TimePoint{}; }
};

Task<int> number_after(Duration delay, int number) {
  if (delay > Duration::zero()) co_await sleep(delay);
  co_return number;
}
Task<std::string> text_after(Duration delay, std::string text) {
  if (delay > Duration::zero()) co_await sleep(delay);
  co_return text;
}
Task<int> fail_after(Duration delay, std::string what) {
  if (delay > Duration::zero()) co_await sleep(delay);
  throw std::runtime_error(what);
}
Task<int> counted(Counted, Duration delay) {
  co_await sleep(delay);
  co_return 1;
}

TEST_F(CombineTest, AllReturnsEveryResult) {
  bool ended = false;
  const auto body = [&]() -> Task<> {
    for (const Duration delay : {0s, 1s}) {
      const TimePoint before = reactor.now();
      auto [number, text, nothing] =
          co_await when_all(number_after(2 * delay, 1), text_after(delay, "two"), sleep(delay));
      EXPECT_EQ(number, 1);
      EXPECT_EQ(text, "two");
      EXPECT_EQ(nothing, std::monostate{});
      EXPECT_EQ(reactor.now() - before, 2 * delay);
    }
    ended = true;
  };
  run(body());
  EXPECT_TRUE(ended);
}

TEST_F(CombineTest, AllThrowsTheFirstExceptionAndCancelsTheOthers) {
  for (const Duration delay : {0s, 1s}) {
    int count = 0;
    std::string error;
    const TimePoint before = reactor.now();
    const auto body = [&]() -> Task<> {
      try {
        (void)co_await when_all(counted(Counted{count}, 1h), fail_after(delay, "first"),
                                fail_after(delay, "second"), counted(Counted{count}, 1h));
      } catch (const std::runtime_error& thrown) {
        error = thrown.what();
      }
      EXPECT_EQ(count, 0);
      EXPECT_EQ(reactor.now() - before, delay);
    };
    run(body());
    EXPECT_EQ(error, "first");
    EXPECT_EQ(count, 0);
  }
}

TEST_F(CombineTest, AnyReturnsTheFirstAndCancelsTheOthers) {
  int count = 0;
  const auto body = [&]() -> Task<> {
    const auto make = [&] { return counted(Counted{count}, 1h); };
    const auto check = [&](const auto& result) {
      EXPECT_EQ(count, 0) << "before it continues";
      EXPECT_EQ(result.index(), 1U);
      EXPECT_EQ(std::get<1>(result), "won");
    };
    check(co_await when_any(make(), text_after(1s, "won"), make()));
  };
  run(body());
}

TEST_F(CombineTest, AnyDoesNotStartWhatFollowsOneThatEndsAtOnce) {
  bool started = false;
  int count = 0;
  const auto late = [&](Counted) -> Task<int> {
    started = true;
    co_return 2;
  };
  const auto body = [&]() -> Task<> {
    const auto result = co_await when_any(number_after(0s, 1), late(Counted{count}));
    EXPECT_EQ(result.index(), 0U);
  };
  run(body());
  EXPECT_FALSE(started);
  EXPECT_EQ(count, 0);
}

TEST_F(CombineTest, AnyThrowsAnExceptionThatComesFirst) {
  for (const Duration delay : {0s, 1s}) {
    std::string error;
    const auto body = [&]() -> Task<> {
      try {
        (void)co_await when_any(fail_after(delay, "lost"), number_after(2s, 1));
      } catch (const std::runtime_error& thrown) {
        error = thrown.what();
      }
    };
    run(body());
    EXPECT_EQ(error, "lost");
  }
}

// Both are ready in one turn: the loser takes nothing.
TEST_F(CombineTest, ALoserHasTakenNothing) {
  Queue<int> first{1};
  Queue<int> second{1};
  std::vector<int> seen;
  const auto body = [&]() -> Task<> {
    for (int i = 0; i < 2; ++i) {
      const auto result = co_await when_any(first.pop(), second.pop());
      seen.push_back(result.index() == 0 ? std::get<0>(result).value()
                                         : std::get<1>(result).value());
    }
  };
  group.spawn(body());
  turn();
  EXPECT_TRUE(second.try_push(2));
  EXPECT_TRUE(first.try_push(1));
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(seen, (std::vector<int>{2, 1})) << "in the order in which they were woken";
}

TEST_F(CombineTest, ATimeoutGivesTheResultOrNothing) {
  int count = 0;
  const auto body = [&]() -> Task<> {
    EXPECT_EQ(co_await timeout(2s, number_after(1s, 7)), 7);
    EXPECT_EQ(co_await timeout(1s, counted(Counted{count}, 2s)), std::nullopt);
    EXPECT_EQ(count, 0);
    EXPECT_TRUE(co_await timeout(2s, sleep(1s)));
    EXPECT_FALSE(co_await timeout(1s, sleep(2s)));
    EXPECT_EQ(co_await timeout(0s, number_after(0s, 1)), 1) << "it is ready at once";
    EXPECT_FALSE(co_await timeout(0s, sleep(1ns)));
    const TimePoint deadline = reactor.now() + 3s;
    EXPECT_TRUE(co_await timeout_at(deadline, sleep(2s)));
    EXPECT_FALSE(co_await timeout_at(deadline, sleep(2s)));
  };
  run(body());
}

TEST_F(CombineTest, ATimeoutCannotBeSwallowed) {
  bool caught = false;
  const auto stubborn = [&]() -> Task<> {
    while (true) {
      try {
        co_await sleep(10s);
      } catch (...) {
        caught = true;
      }
    }
  };
  const auto body = [&]() -> Task<> { EXPECT_FALSE(co_await timeout(15s, stubborn())); };
  run(body());
  EXPECT_FALSE(caught);
}

TEST_F(CombineTest, ATimeoutOfZeroPollsOnce) {
  Event event;
  std::vector<bool> seen;
  const auto body = [&]() -> Task<> {
    seen.push_back((co_await timeout(0s, event.wait())).has_value());
    seen.push_back((co_await timeout(0s, event.wait())).has_value());
  };
  group.spawn(body());
  turn();
  EXPECT_EQ(seen, std::vector<bool>{false});
  event.set();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(seen, (std::vector<bool>{false, true}));
}

TEST_F(CombineTest, MayBeNested) {
  const auto body = [&]() -> Task<> {
    const auto result = co_await when_any(
        sleep(10s), when_all(number_after(1s, 1), timeout(5s, number_after(2s, 2))));
    EXPECT_EQ(result.index(), 1U);
    const auto [one, two] = std::get<1>(result);
    EXPECT_EQ(one, 1);
    EXPECT_EQ(two, 2);
  };
  run(body());
}

TEST_F(CombineTest, ReturnsReferencesAsReferences) {
  struct Uncopied {
    Uncopied() = default;
    Uncopied(const Uncopied&) = delete;
    Uncopied& operator=(const Uncopied&) = delete;
    int value = 0;
  } object;
  const auto refer = [&]() -> Task<Uncopied&> { co_return object; };
  const auto body = [&]() -> Task<> {
    const auto [one] = co_await when_all(refer());
    ++one.get().value;
    const auto first = co_await when_any(refer());
    ++std::get<0>(first).get().value;
    const auto timed = co_await timeout(1s, refer());
    ++timed->get().value;
  };
  run(body());
  EXPECT_EQ(object.value, 3);
}

// They would be gone when the last branch has ended.
static_assert(detail::is_lent<LentBytes> && detail::is_lent<std::optional<LentBytes>> &&
              detail::is_lent<std::variant<int, std::optional<LentBytes>>>);
static_assert(!detail::is_lent<int> && !detail::is_lent<std::variant<int, std::string>>);

TEST_F(CombineTest, AllOfAVectorKeepsTheOrder) {
  const auto body = [&]() -> Task<> {
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(number_after((5 - i) * 1s, i));
    const std::vector<int> results = co_await when_all(std::move(tasks));
    EXPECT_EQ(results, (std::vector<int>{0, 1, 2, 3, 4}));
    std::vector<Task<int>> none;
    const std::vector<int> nothing = co_await when_all(std::move(none));
    EXPECT_TRUE(nothing.empty());
  };
  run(body());
}

TEST_F(CombineTest, AllOfAVectorThrowsTheFirstExceptionAndCancelsTheOthers) {
  for (const Duration delay : {0s, 1s}) {
    int count = 0;
    std::string error;
    const TimePoint before = reactor.now();
    const auto body = [&]() -> Task<> {
      std::vector<Task<int>> tasks;
      tasks.push_back(counted(Counted{count}, 1h));
      tasks.push_back(fail_after(delay, "first"));
      tasks.push_back(counted(Counted{count}, 1h));
      try {
        (void)co_await when_all(std::move(tasks));
      } catch (const std::runtime_error& thrown) {
        error = thrown.what();
      }
      EXPECT_EQ(count, 0);
      EXPECT_EQ(reactor.now() - before, delay);
    };
    run(body());
    EXPECT_EQ(error, "first");
  }
}

TEST_F(CombineTest, AnyOfAVectorReturnsTheFirst) {
  int count = 0;
  bool ended = false;
  const auto body = [&]() -> Task<> {
    for (const Duration delay : {0s, 1s}) {
      std::vector<Task<int>> tasks;
      tasks.push_back(counted(Counted{count}, 1h));
      tasks.push_back(number_after(delay, 7));
      tasks.push_back(counted(Counted{count}, 1h));
      const auto check = [&](const std::optional<FirstEnded<int>>& first) {
        EXPECT_EQ(count, 0) << "before it continues";
        EXPECT_EQ(first.value().index, 1U);
        EXPECT_EQ(first.value().result, 7);
      };
      check(co_await when_any(std::move(tasks)));
    }
    std::vector<Task<>> none;
    const auto nothing = co_await when_any(std::move(none));
    EXPECT_FALSE(nothing);
    std::vector<Task<int>> failing;
    failing.push_back(fail_after(1s, "lost"));
    std::string error;
    try {
      (void)co_await when_any(std::move(failing));
    } catch (const std::runtime_error& thrown) {
      error = thrown.what();
    }
    EXPECT_EQ(error, "lost");
    ended = true;
  };
  run(body());
  EXPECT_TRUE(ended);
}

TEST_F(CombineTest, ThatIsCancelledCancelsItsBranches) {
  int count = 0;
  const auto body = [&]() -> Task<> {
    (void)co_await when_any(counted(Counted{count}, 1h), when_all(counted(Counted{count}, 1h)));
  };
  group.spawn(body());
  turn();
  EXPECT_GT(count, 0);
  group.cancel();
  EXPECT_EQ(count, 0);
  EXPECT_TRUE(reactor.run());
}

TEST_F(CombineTest, MayBeCancelledByABranch) {
  int count = 0;
  for (const Duration delay : {0s, 1s}) {
    const auto branch = [&]() -> Task<int> {
      if (delay > 0s) co_await sleep(delay);
      group.cancel();
      co_return 1;
    };
    const auto body = [&]() -> Task<> {
      const Counted variable{count};
      (void)co_await when_any(counted(Counted{count}, 1h), branch());
      co_await sleep(1s);
      ADD_FAILURE() << "it was cancelled";
    };
    run(body());
    EXPECT_EQ(count, 0);
  }
}

TEST_F(CombineTest, AMillionThatEndAtOnceGrowNoStack) {
  int sum = 0;
  Event event;
  event.set();
  const auto body = [&]() -> Task<> {
    for (int i = 0; i < 1'000'000; ++i) {
      sum += (co_await when_any(event.wait(), sleep(1s))).index() == 0 ? 1 : 0;
      sum += std::get<0>(co_await when_all(number_after(0s, 1), event.wait()));
      sum += (co_await timeout(1s, event.wait())) ? 1 : 0;
    }
  };
  run(body());
  EXPECT_EQ(sum, 3'000'000);
}

Task<int> chain(int depth) {
  if (depth == 0) {
    co_await sleep(1s);
    co_return 0;
  }
  co_return 1 + co_await chain(depth - 1);
}

// Deep tasks are started by the loop, here several of them at once.
TEST_F(CombineTest, AllStartsDeepBranches) {
  const auto body = [&]() -> Task<> {
    const auto [one, two, three] = co_await when_all(chain(500), chain(1000), chain(700));
    EXPECT_EQ(one + two + three, 2200);
  };
  run(body());
}

}  // namespace
}  // namespace rondo::test
