// SPDX-License-Identifier: MIT
// The forms of a co_await expression that rondo's users write, on each compiler: each temporary is
// destroyed once. g++ 12 destroys some twice; what is here must be right with it.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include <rondo/coroutine.h>

#include "support/task_fixture.h"

namespace rondo::test {
namespace {

class AwaitForms : public TaskFixture {};

Task<int> by_value(Counted) { co_return 1; }
Task<int> by_reference(const Counted&) { co_return 1; }
Task<Counted> returns(int& count) { co_return Counted{count}; }

struct Named {
  explicit Named(int& count) : first(count), second(count) {}
  Counted first;
  Counted second;
};
Task<int> takes(Named) { co_return 1; }
Task<bool> returns_true(Duration) { co_return true; }
Task<int> takes_reference(const Named&) { co_return 1; }

TEST_F(AwaitForms, DestroyTheirTemporariesOnce) {
  int count = 0;
  int steps = 0;
  const auto check = [&](int line) {
    EXPECT_EQ(count, 0) << "line " << line;
    ++steps;
  };
  const auto body = [&]() -> Task<> {
    co_await by_value(Counted{count});
    check(__LINE__);
    co_await by_reference(Counted{count});
    check(__LINE__);
    co_await takes(Named{count});
    check(__LINE__);
    co_await takes_reference(Named{count});
    check(__LINE__);
    (void)co_await returns(count);
    check(__LINE__);
    EXPECT_EQ(co_await by_value(Counted{count}) + co_await by_value(Counted{count}), 2);
    check(__LINE__);
    if (co_await by_value(Counted{count}) == 1 && co_await by_value(Counted{count}) == 1)
      check(__LINE__);
    co_await when_all(by_value(Counted{count}), by_reference(Counted{count}), returns(count));
    check(__LINE__);
    co_await when_any(by_value(Counted{count}), sleep(forever));
    check(__LINE__);
    co_await timeout(forever, by_value(Counted{count}));
    check(__LINE__);
    Task<int> named = by_value(Counted{count});
    co_await std::move(named);
    check(__LINE__);
    const auto closure = [variable = Counted{count}]() -> Task<int> { co_return 1; };
    co_await closure();
    EXPECT_EQ(count, 1) << "the closure";
    ++steps;
  };
  run(body());
  EXPECT_EQ(steps, 12);
  EXPECT_EQ(count, 0);
}

// g++ 12.2 gets the frame of a coroutine wrong that awaits in a condition and has no variable.
TEST_F(AwaitForms, InAConditionBesideAVariableAreRight) {
  int left = 0;
  int steps = 0;
  const auto has_more = [&]() -> Task<bool> { co_return left-- > 0; };
  const auto in_the_condition = [&]() -> Task<> {
    while (const bool more = co_await has_more()) steps += more ? 1 : 0;
  };
  const auto before = [&]() -> Task<> {
    const int step = 1;
    while (co_await has_more()) steps += step;
  };
  const auto inside = [&]() -> Task<> {
    while (co_await has_more()) {
      const int step = 1;
      steps += step;
    }
  };
  const auto body = [&]() -> Task<> {
    left = 3;
    co_await in_the_condition();
    left = 3;
    co_await before();
    left = 3;
    co_await inside();
  };
  run(body());
  EXPECT_EQ(steps, 9);
}

// g++ 12 evaluates calls in an operand that is not chosen, beside a co_await in one expression, if
// they return an object of a class.
TEST_F(AwaitForms, EvaluateWhatIsChosenAlone) {
  int calls = 0;
  const auto draw = [&]() -> Duration {
    ++calls;
    return Duration::zero();
  };
  const auto body = [&](bool chosen) -> Task<> {
    const Duration pause = chosen ? draw() : Duration::zero();
    co_await sleep(pause);
    if (chosen) co_await sleep(draw());
    if (chosen && co_await returns_true(draw())) co_await rondo::turn();
    const bool first = co_await returns_true(Duration::zero());
    if (first || draw() == forever) co_await rondo::turn();
  };
  run(body(false));
  EXPECT_EQ(calls, 0);
  run(body(true));
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace rondo::test
