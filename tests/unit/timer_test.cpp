// SPDX-License-Identifier: MIT
// Timers without a real clock: the test moves the time.
#include <memory>
#include <optional>
#include <vector>

#include <rondo/timer.h>

#include "support/manual_reactor.h"
#include "support/recording_handler.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class TimerTest : public ManualReactor {
 protected:
  const TimePoint start = backend.time();
};

TEST_F(TimerTest, FiresAtItsDeadlineToTheNanosecond) {
  for (const Duration delay : {1ns, 2ns, 999'999ns, 1'000'001ns}) {
    const TimePoint armed = backend.time();
    TimePoint fired{};
    Timer timer{reactor, [&] { fired = reactor.now(); }};
    timer.arm_after(delay);
    EXPECT_EQ(timer.deadline(), armed + delay);
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(fired, armed + delay);
  }
}

TEST_F(TimerTest, DoesNotFireANanosecondTooSoon) {
  bool fired = false;
  Timer timer{reactor, [&] { fired = true; }};
  timer.arm_after(100ns);
  backend.advance(99ns);
  turn();
  EXPECT_FALSE(fired);
  EXPECT_TRUE(timer.armed());
  backend.advance(1ns);
  turn();
  EXPECT_TRUE(fired);
  EXPECT_FALSE(timer.armed());
  EXPECT_EQ(timer.deadline(), never);
}

TEST_F(TimerTest, FiresOnce) {
  int fired = 0;
  Timer timer{reactor, [&] { ++fired; }};
  timer.arm_after(1s);
  EXPECT_TRUE(reactor.run());
  backend.advance(1h);
  turn();
  EXPECT_EQ(fired, 1);
}

TEST_F(TimerTest, IsPutOffAndBroughtForward) {
  std::vector<TimePoint> fired;
  Timer timer{reactor, [&] { fired.push_back(reactor.now()); }};
  timer.arm_after(10s);
  timer.arm_after(20s);
  timer.arm_after(5s);
  timer.arm_after(7s);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(fired, std::vector{start + 7s});
  timer.arm_after(10s);
  backend.advance(9s);
  turn();
  timer.arm_after(10s);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(fired, (std::vector{start + 7s, start + 26s}));
}

TEST_F(TimerTest, IsCancelled) {
  bool fired = false;
  Timer timer{reactor, [&] { fired = true; }};
  timer.arm_after(1s);
  timer.cancel();
  timer.cancel();
  EXPECT_FALSE(timer.armed());
  EXPECT_FALSE(reactor.alive());
  backend.advance(1h);
  turn();
  EXPECT_FALSE(fired);
  timer.arm_after(1s);
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(fired);
}

TEST_F(TimerTest, CountsPeriodsFromTheDeadlineBefore) {
  std::vector<Duration> at;
  Timer timer{reactor, [&] {
                at.push_back(reactor.now() - start);
                if (at.size() == 4) timer.cancel();
                backend.advance(3s);  // a slow callback does not make it drift
              }};
  timer.arm_every(10s);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(at, (std::vector<Duration>{10s, 20s, 30s, 40s}));
}

TEST_F(TimerTest, SkipsAndCountsPeriodsItMissed) {
  std::vector<std::uint64_t> missed;
  Timer timer{reactor, [&] { missed.push_back(timer.missed()); }};
  timer.arm_every(10s);
  backend.advance(10s);
  turn();
  backend.advance(25s);  // 35: the call for 20 is late, the one for 30 is skipped
  turn();
  EXPECT_EQ(timer.deadline(), start + 40s);
  backend.advance(5s);
  turn();
  backend.advance(1000s);
  turn();
  EXPECT_EQ(missed, (std::vector<std::uint64_t>{0, 1, 0, 99}));
  EXPECT_EQ(timer.deadline(), start + 1050s);
}

TEST_F(TimerTest, OfAPeriodOfZeroFiresEveryTurn) {
  int fired = 0;
  for (const Duration period : {Duration{0}, Duration{-5}, Duration::min()}) {
    Timer timer{reactor, [&] { ++fired; }};
    timer.arm_every(period);
    fired = 0;
    for (int i = 0; i < 5; ++i) turn();
    EXPECT_EQ(fired, 5);
    EXPECT_EQ(timer.missed(), 0U);
  }
}

TEST_F(TimerTest, MayChangeItsPeriodInItsCallback) {
  std::vector<Duration> at;
  Timer timer{reactor, [&] {
                at.push_back(reactor.now() - start);
                if (at.size() == 2) timer.arm_every(1s);
                if (at.size() == 4) timer.arm_after(100s);
              }};
  timer.arm_every(10s);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(at, (std::vector<Duration>{10s, 20s, 21s, 22s, 122s}));
}

TEST_F(TimerTest, FiresNextTurnWhenItIsArmedInACallback) {
  int turns_seen = 0;
  Timer second{reactor, [&] { turns_seen = backend.waits; }};
  Timer first{reactor, [&] { second.arm_at(start); }};
  first.arm_at(start);
  turn();
  EXPECT_EQ(turns_seen, 0);
  turn();
  EXPECT_EQ(turns_seen, 2);
}

TEST_F(TimerTest, FiresNextTurnWhenItIsArmedAgainInItsOwnCallback) {
  int fired = 0;
  Timer timer{reactor, [&] {
                ++fired;
                timer.arm_at(start);
              }};
  timer.arm_at(start);
  for (int i = 1; i <= 5; ++i) {
    turn();
    EXPECT_EQ(fired, i);
  }
}

TEST_F(TimerTest, FiresNextTurnWhenAHandlerArmsIt) {
  int fired = 0;
  Timer timer{reactor, [&] { ++fired; }};
  RecordingHandler handler{[&](Ready) { timer.arm_at(start); }};
  const Watch watch = reactor.watch(100, Ready::read, handler).value();
  backend.set_ready(100, Ready::read);
  turn();
  EXPECT_EQ(fired, 0);
  backend.set_ready(100, Ready::none);
  turn();
  EXPECT_EQ(fired, 1);
}

// A callback cancels or re-arms its own timer, or another one that is due in the same batch.
TEST_F(TimerTest, MayDoAnythingToOthersThatAreDueToo) {
  std::vector<int> fired;
  std::vector<std::optional<Timer>> timers(6);
  std::optional<Timer> moved;
  const auto record = [&](int which) { return [&fired, which] { fired.push_back(which); }; };
  timers[0].emplace(reactor, [&] {
    fired.push_back(0);
    timers[1]->cancel();
    timers[2].reset();
    timers[3]->arm_after(1s);
    moved.emplace(std::move(*timers[4]));
  });
  for (int i = 1; i < 6; ++i) timers[static_cast<std::size_t>(i)].emplace(reactor, record(i));
  for (const auto& timer : timers) {
    const_cast<std::optional<Timer>&>(timer)->arm_at(start);
  }
  turn();
  EXPECT_EQ(fired, (std::vector{0, 4, 5}));
  EXPECT_TRUE(timers[3]->armed());
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(fired, (std::vector{0, 4, 5, 3}));
}

TEST_F(TimerTest, MayDestroyMoveOrReplaceItselfInItsCallback) {
  int fired = 0;
  std::optional<Timer> timer;
  timer.emplace(reactor, [&] {
    ++fired;
    timer.reset();
  });
  timer->arm_at(start);
  turn();
  EXPECT_FALSE(timer.has_value());

  std::optional<Timer> elsewhere;
  timer.emplace(reactor, [&] {
    ++fired;
    if (!elsewhere) elsewhere.emplace(std::move(*timer));
  });
  timer->arm_every(1s);
  backend.advance(1s);
  turn();
  timer.reset();
  backend.advance(1s);
  turn();
  EXPECT_EQ(fired, 3);
  elsewhere.reset();

  int other = 0;
  timer.emplace(reactor, [&] {
    timer.reset();
    timer.emplace(reactor, [&] { ++other; });
    timer->arm_after(1s);
  });
  timer->arm_at(start);
  turn();
  EXPECT_EQ(other, 0);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(other, 1);
}

TEST_F(TimerTest, IsMovedWithItsDeadline) {
  int fired = 0;
  Timer timer{reactor, [&] { ++fired; }};
  timer.arm_after(5s);
  Timer moved = std::move(timer);
  EXPECT_EQ(moved.deadline(), start + 5s);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(fired, 1);
}

TEST_F(TimerTest, KeepsTheOrderOfArmingOnEqualDeadlines) {
  std::vector<int> fired;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 50; ++i) {
    timers.push_back(std::make_unique<Timer>(reactor, [&fired, i] { fired.push_back(i); }));
    timers.back()->arm_at(start + 1s);
  }
  for (std::size_t i = 0; i < 50; i += 2) timers[i]->arm_at(start + 1s);   // to the end
  for (std::size_t i = 1; i < 50; i += 10) timers[i]->arm_at(start + 2s);  // and back to the start
  for (std::size_t i = 1; i < 50; i += 10) timers[i]->arm_at(start + 1s);
  std::vector<int> expected;
  for (int i = 1; i < 50; i += 2) {
    if (i % 10 != 1) expected.push_back(i);
  }
  for (int i = 0; i < 50; i += 2) expected.push_back(i);
  for (int i = 1; i < 50; i += 10) expected.push_back(i);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(fired, expected);
}

TEST_F(TimerTest, FarAwayFiresWhenItsTimeHasComeAndNotBefore) {
  const Duration far_away[] = {std::chrono::milliseconds{(std::int64_t{1} << 31) + 1},
                               std::chrono::milliseconds{(std::int64_t{1} << 32) + 1},
                               std::chrono::hours{24 * 365 * 50}};
  for (const Duration delay : far_away) {
    const TimePoint armed = backend.time();
    TimePoint fired{};
    Timer timer{reactor, [&] { fired = reactor.now(); }};
    timer.arm_after(delay);
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(fired, armed + delay);
  }
}

TEST_F(TimerTest, ThatIsUnreferencedFiresWithoutKeepingTheReactor) {
  int fired = 0;
  Timer timer{reactor, [&] { ++fired; }};
  timer.arm_after(1s);
  timer.unref();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(fired, 0);
  const WorkGuard hold = reactor.work_guard();
  EXPECT_TRUE(reactor.run_for(2s));
  EXPECT_EQ(fired, 1);
}

TEST_F(TimerTest, SleepsExactlyOnceUntilADeadline) {
  Timer timer{reactor, [] {}};
  timer.arm_after(1h);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(backend.sleeps, 1);
  EXPECT_LE(backend.waits, 2);
}

TEST_F(TimerTest, StaysArmedWhereItsNextPeriodWouldEndBeyondTime) {
  int fired = 0;
  Timer timer{reactor, [&] { ++fired; }};
  timer.arm_every(Duration::max() / 4 * 3);
  backend.advance(Duration::max() / 4 * 3);
  turn();
  EXPECT_EQ(fired, 1);
  EXPECT_TRUE(timer.armed());
  timer.cancel();
  EXPECT_FALSE(reactor.alive());
}

TEST(After, CountsFromBeforeTheClocksZeroToo) {
  EXPECT_EQ(after(TimePoint{-5ns}, 1ns), TimePoint{-4ns});
  EXPECT_EQ(after(TimePoint::min(), Duration::max()), TimePoint{-1ns});
  EXPECT_EQ(after(TimePoint{1ns}, Duration::max()), never);
  EXPECT_EQ(after(TimePoint{0ns}, Duration::max()), never);
}

TEST_F(TimerTest, RunsAgainIfItWasCancelledInATurnThatEndedWithAnException) {
  int fired = 0;
  Timer second{reactor, [&] { ++fired; }};
  Timer first{reactor, [&] {
                second.cancel();
                throw 1;
              }};
  first.arm_after(1s);
  second.arm_after(1s);
  EXPECT_THROW(EXPECT_TRUE(reactor.run()), int);
  second.arm_after(1s);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(fired, 1);
}

}  // namespace
}  // namespace rondo::test
