// SPDX-License-Identifier: MIT
// Timers on a real clock. What can be tested without one is in unit/timer_test.cpp.
#include <limits>
#include <memory>
#include <optional>

#include <rondo/timer.h>

#include "support/allocation_counter.h"
#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class Timers : public ReactorOnEveryBackend {};
RONDO_ON_EVERY_BACKEND(Timers);

// A timer is never early: the clock is read anew, and the kernel's timeout is rounded up.
TEST_P(Timers, AreNeverEarly) {
  for (const Duration delay :
       {Duration{0}, Duration{1}, Duration{999}, Duration{1us}, Duration{499us}, Duration{500us},
        Duration{999'999}, Duration{1ms}, Duration{1'000'001}, Duration{2'700us}, Duration{10ms}}) {
    TimePoint armed;
    bool fired = false;
    Timer timer{reactor, [&] {
                  fired = true;
                  EXPECT_GE(reactor.backend().now(), armed + delay) << delay.count() << " ns";
                  EXPECT_GE(reactor.now(), armed + delay) << delay.count() << " ns";
                }};
    armed = reactor.backend().now();
    timer.arm_after(delay);
    EXPECT_GE(timer.deadline(), armed + delay);
    EXPECT_TRUE(reactor.run());
    EXPECT_TRUE(fired);
    EXPECT_FALSE(timer.armed());
  }
}

TEST_P(Timers, CountFromTheClockAfterASlowCallback) {
  TimePoint armed;
  Timer second{reactor, [&] { EXPECT_GE(reactor.backend().now(), armed + 2ms); }};
  Timer first{reactor, [&] {
                const TimePoint turn = reactor.now();
                kernel().pass(3ms);
                armed = reactor.backend().now();
                EXPECT_GE(armed, turn + 3ms);
                second.arm_after(2ms);
              }};
  first.arm_after(0s);
  EXPECT_TRUE(reactor.run());
  EXPECT_NE(armed, TimePoint{});
}

TEST_P(Timers, FireInTheOrderOfTheirDeadlinesAndThenOfTheirArming) {
  std::vector<int> fired;
  std::vector<std::unique_ptr<Timer>> timers;
  const TimePoint start = reactor.now();
  constexpr int many = 200;
  for (int i = 0; i < many; ++i) {
    timers.push_back(std::make_unique<Timer>(reactor, [&fired, i] { fired.push_back(i); }));
    timers.back()->arm_at(start + std::chrono::milliseconds{(i * 7) % 5});
  }
  EXPECT_TRUE(reactor.run());
  ASSERT_EQ(fired.size(), static_cast<std::size_t>(many));
  for (std::size_t i = 1; i < fired.size(); ++i) {
    const auto key = [](int n) { return std::pair{(n * 7) % 5, n}; };
    EXPECT_LT(key(fired[i - 1]), key(fired[i]));
  }
}

TEST_P(Timers, ThatRepeatEveryTurnDoNotStarveDescriptors) {
  const Pair pair = unix_pair();
  int ticks = 0;
  Timer timer{reactor, [&] { ++ticks; }};
  timer.arm_every(0s);
  RecordingHandler handler{[&](Ready) { read_all(pair.ours.get()); }};
  Watch watch = reactor.watch(pair.ours.get(), Ready::read, handler).value();
  for (int i = 1; i <= 20; ++i) {
    write_all(pair.theirs.get(), "x");
    EXPECT_TRUE(run_until(reactor, [&] { return handler.calls >= i; }));
  }
  EXPECT_GT(ticks, 10);
}

// Timeouts beyond 2^31 ms are clamped, not wrapped.
TEST_P(Timers, FarAwayNeitherFireNorSpin) {
  const Duration far_away[] = {std::chrono::milliseconds{(std::int64_t{1} << 31) - 1},
                               std::chrono::milliseconds{(std::int64_t{1} << 31) + 1},
                               std::chrono::milliseconds{(std::int64_t{1} << 32) + 1},
                               std::chrono::hours{24 * 365 * 200}, Duration::max()};
  for (const Duration delay : far_away) {
    bool fired = false;
    Timer timer{reactor, [&] { fired = true; }};
    for (const bool repeats : {false, true}) {
      if (repeats) {
        timer.arm_every(delay);
      } else {
        timer.arm_after(delay);
      }
      EXPECT_TRUE(timer.armed());
      const int before = spy.waits;
      EXPECT_TRUE(reactor.run_for(5ms));
      EXPECT_LE(spy.waits - before, 50);
      EXPECT_FALSE(fired) << delay.count();
    }
  }
}

TEST_P(Timers, InThePastAreDueAtOnce) {
  int fired = 0;
  Timer timer{reactor, [&] { ++fired; }};
  timer.arm_at(TimePoint{});
  run_turns(reactor, 2);
  EXPECT_EQ(fired, 1);
  timer.arm_at(TimePoint::min());
  run_turns(reactor, 2);
  EXPECT_EQ(fired, 2);
  timer.arm_after(Duration::min());
  run_turns(reactor, 2);
  EXPECT_EQ(fired, 3);
}

TEST_P(Timers, AllocateNothingWhenTheyAreArmed) {
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 1000; ++i) timers.push_back(std::make_unique<Timer>(reactor, [] {}));
  const std::uint64_t before = allocations();
  for (int round = 0; round < 3; ++round) {
    for (const auto& timer : timers) timer->arm_after(std::chrono::microseconds{round});
    for (const auto& timer : timers) timer->arm_every(1h);
    for (const auto& timer : timers) timer->arm_after(0s);
    run_turns(reactor, 3);
  }
  EXPECT_EQ(allocations(), before);
}

TEST_P(Timers, EndTheWaitOfATurn) {
  const WorkGuard hold = reactor.work_guard();
  bool fired = false;
  Timer timer{reactor, [&] { fired = true; }};
  timer.arm_after(3ms);
  const int before = spy.waits;
  while (!fired) EXPECT_TRUE(reactor.run_once());
  EXPECT_LE(spy.waits - before, 50);
}

TEST_P(Timers, ArmedByAHandlerOrWorkComeInTheNextTurn) {
  const Pair pair = unix_pair();
  int waits_then = -1;
  int waits_fired = -1;
  Timer timer{reactor, [&] { waits_fired = spy.waits; }};
  const auto arm = [&] {
    waits_then = spy.waits;
    waits_fired = -1;
    timer.arm_at(TimePoint{});
  };
  std::optional<Watch> watch;
  RecordingHandler handler{[&](Ready) {
    arm();
    watch.reset();
  }};
  watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  EXPECT_TRUE(reactor.run());
  EXPECT_GT(waits_fired, waits_then) << "a handler armed this one";
}

}  // namespace
}  // namespace rondo::test
