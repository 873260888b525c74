// SPDX-License-Identifier: MIT
// run(): what keeps it running, what ends it, and how long it sleeps.
#include <signal.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>

#include <rondo/signal.h>
#include <rondo/timer.h>

#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class Running : public ReactorOnEveryBackend {
 protected:
  static constexpr int idle_waits_max = 50;
};
RONDO_ON_EVERY_BACKEND(Running);

TEST_P(Running, ReturnsWhenThereIsNothingToWaitFor) {
  EXPECT_FALSE(reactor.alive());
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(reactor.run_for(1h));
}

TEST_P(Running, ReturnsWhenTheLastThingHasEnded) {
  const Pair pair = unix_pair();
  std::optional<Watch> watch;
  Timer timer{reactor, [&] { watch.reset(); }};
  RecordingHandler handler{[&](Ready) {
    watch->set(Ready::none);
    timer.arm_after(1ms);
  }};
  watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(handler.calls, 1);
}

TEST_P(Running, IsKeptUpByEachThingAlone) {
  RecordingHandler handler;
  const Pair pair = unix_pair();
  {
    Watch watch = reactor.watch(pair.ours.get(), Ready::read, handler).value();
    EXPECT_TRUE(reactor.alive());
    watch.set(Ready::none);
    EXPECT_TRUE(reactor.alive()) << "a paused watch still counts";
    watch.unref();
    EXPECT_FALSE(reactor.alive());
    watch.unref();
    watch.ref();
    EXPECT_TRUE(reactor.alive()) << "ref() does not count calls";
  }
  EXPECT_FALSE(reactor.alive());
  {
    Timer timer{reactor, [] {}};
    EXPECT_FALSE(reactor.alive()) << "a timer that is not armed does not count";
    timer.arm_after(1h);
    EXPECT_TRUE(reactor.alive());
    timer.unref();
    EXPECT_FALSE(reactor.alive());
    timer.ref();
    timer.cancel();
    EXPECT_FALSE(reactor.alive());
    timer.arm_every(1h);
    EXPECT_TRUE(reactor.alive());
  }
  EXPECT_FALSE(reactor.alive());
  {
    Signal signal{reactor, SIGUSR1, [] {}};
    EXPECT_TRUE(reactor.alive());
    signal.unref();
    EXPECT_FALSE(reactor.alive());
    signal.ref();
    EXPECT_TRUE(reactor.alive());
  }
  EXPECT_FALSE(reactor.alive());
  reactor.defer([] {});
  EXPECT_TRUE(reactor.alive());
  EXPECT_TRUE(reactor.run());
  reactor.post([] {});
  EXPECT_TRUE(reactor.alive());
  EXPECT_TRUE(reactor.run());
  EXPECT_FALSE(reactor.alive());
}

TEST_P(Running, IsKeptUpByAHold) {
  WorkGuard first = reactor.work_guard();
  EXPECT_TRUE(reactor.alive());
  {
    const WorkGuard second = reactor.work_guard();
    const WorkGuard moved = std::move(first);
    EXPECT_TRUE(reactor.alive());
  }
  EXPECT_FALSE(reactor.alive()) << "a moved-from guard keeps nothing alive";
  first = reactor.work_guard();
  EXPECT_TRUE(reactor.alive());
  WorkGuard other = reactor.work_guard();
  first = std::move(other);
  first = WorkGuard{};
  EXPECT_FALSE(reactor.alive()) << "assignment releases the guard's own hold";
  other = WorkGuard{};
}

TEST_P(Running, RunsForTheGivenDuration) {
  const WorkGuard hold = reactor.work_guard();
  const TimePoint start = reactor.backend().now();
  const int before = spy.waits;
  EXPECT_TRUE(reactor.run_for(30ms));
  EXPECT_GE(reactor.backend().now() - start, 30ms);
  EXPECT_LE(spy.waits - before, idle_waits_max);
}

TEST_P(Running, RunsForNoTimeAtAll) {
  const WorkGuard hold = reactor.work_guard();
  const TimePoint start = Clock::now();
  EXPECT_TRUE(reactor.run_for(0s));
  EXPECT_TRUE(reactor.run_for(-1h));
  EXPECT_LT(Clock::now() - start, patience);
}

TEST_P(Running, RunsForItsTimeThoughThereIsAlwaysSomethingToDo) {
  const Pair pair = unix_pair();
  RecordingHandler handler;
  const Watch watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  EXPECT_TRUE(reactor.run_for(10ms));
  EXPECT_GT(handler.calls, 1);
}

TEST_P(Running, ReturnsEarlyWhenNothingIsLeft) {
  Timer timer{reactor, [] {}};
  timer.arm_after(1ms);
  const TimePoint start = Clock::now();
  EXPECT_TRUE(reactor.run_for(1h));
  EXPECT_LT(Clock::now() - start, patience);
}

TEST_P(Running, OneTurnWaitsNoLongerThanTheGivenMaximum) {
  const WorkGuard hold = reactor.work_guard();
  const int before = spy.waits;
  EXPECT_TRUE(reactor.run_once(0s));
  EXPECT_EQ(spy.waits - before, 1);
  EXPECT_TRUE(reactor.run_once(5ms));
  EXPECT_EQ(spy.waits - before, 2);
}

TEST_P(Running, OneTurnEndsWithTheFirstThingToDo) {
  const Pair pair = unix_pair();
  RecordingHandler handler;
  const Watch watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  while (handler.calls == 0) EXPECT_TRUE(reactor.run_once());
  EXPECT_EQ(handler.calls, 1);
}

TEST_P(Running, StopsBeforeItHasBegunAfterOneTurnThatDoesNotWait) {
  const WorkGuard hold = reactor.work_guard();
  bool worked = false;
  reactor.defer([&] { worked = true; });
  reactor.stop();
  const int before = spy.waits;
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(worked);
  EXPECT_EQ(spy.waits - before, 1);
  const TimePoint start = reactor.backend().now();
  EXPECT_TRUE(reactor.run_for(5ms));
  EXPECT_GE(reactor.backend().now() - start, 5ms) << "one stop() ends one run()";
}

TEST_P(Running, KeepsAStopThatComesInASingleTurn) {
  const WorkGuard hold = reactor.work_guard();
  const auto runs_to_the_end_of_patience = [&] {
    const TimePoint start = Clock::now();
    EXPECT_TRUE(reactor.run_for(patience));
    return Clock::now() - start >= patience;
  };
  reactor.stop();
  EXPECT_TRUE(reactor.run_once());
  EXPECT_FALSE(runs_to_the_end_of_patience()) << "stop() was called before run_once()";
  reactor.defer([&] { reactor.stop(); });
  EXPECT_TRUE(reactor.run_once());
  EXPECT_FALSE(runs_to_the_end_of_patience()) << "stop() was called by its work";
  Timer timer{reactor, [&] { reactor.stop(); }};
  timer.arm_after(1ms);
  while (timer.armed()) EXPECT_TRUE(reactor.run_once());
  EXPECT_FALSE(runs_to_the_end_of_patience()) << "stop() was called by its timers";
}

TEST_P(Running, SleepsInSingleTurnsThoughAStopIsKept) {
  const WorkGuard hold = reactor.work_guard();
  const TimePoint end = reactor.backend().now() + 30ms;
  const int before = spy.waits;
  reactor.stop();
  while (reactor.backend().now() < end) EXPECT_TRUE(reactor.run_once(5ms));
  EXPECT_LE(spy.waits - before, idle_waits_max);
}

TEST_P(Running, WakesASingleTurnByAStop) {
  const WorkGuard hold = reactor.work_guard();
  std::thread stopper{[this] {
    give_others_time();
    reactor.stop();
  }};
  const TimePoint start = Clock::now();
  EXPECT_TRUE(reactor.run_once(patience));
  EXPECT_LT(Clock::now() - start, patience);
  stopper.join();
}

TEST_P(Running, KeepsAStopThatComesWhenTheTimeIsUp) {
  const WorkGuard hold = reactor.work_guard();
  TimePoint limit = never;
  bool stopped = false;
  spy.on_now = [&](TimePoint time) {
    if (limit == never) {
      limit = time + 1ms;  // the run begins
    } else if (time >= limit && !std::exchange(stopped, true)) {
      reactor.stop();  // the question that ends it: nothing else reads the clock here
    }
  };
  EXPECT_TRUE(reactor.run_for(1ms));
  EXPECT_TRUE(stopped);
  const TimePoint start = Clock::now();
  EXPECT_TRUE(reactor.run_for(patience));
  EXPECT_LT(Clock::now() - start, patience);
}

TEST_P(Running, StopsFromInsideAtTheEndOfTheTurn) {
  const WorkGuard hold = reactor.work_guard();
  int after_stop = 0;
  reactor.defer([&] { reactor.stop(); });
  reactor.defer([&] { ++after_stop; });
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(after_stop, 1) << "the turn runs to its end";
}

TEST_P(Running, StopsFromAHandlerATimerAndASignal) {
  const Pair pair = unix_pair();
  RecordingHandler handler{[&](Ready) { reactor.stop(); }};
  {
    const Watch watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
    EXPECT_TRUE(reactor.run());
  }
  const WorkGuard hold = reactor.work_guard();
  Timer timer{reactor, [&] { reactor.stop(); }};
  timer.arm_after(1ms);
  EXPECT_TRUE(reactor.run());
  const Signal signal{reactor, SIGUSR1, [&] { reactor.stop(); }};
  reactor.defer([] { (void)::raise(SIGUSR1); });  // cannot fail
  EXPECT_TRUE(reactor.run());
}

TEST_P(Running, StopsFromAnotherThread) {
  const WorkGuard hold = reactor.work_guard();
  for (int i = 0; i < 20; ++i) {
    std::thread stopper{[this, i] {
      if (i % 2 == 0) give_others_time();
      reactor.stop();
    }};
    EXPECT_TRUE(reactor.run());
    stopper.join();
  }
}

TEST_P(Running, RefusesToRunInsideItself) {
  std::vector<Error> refusals;
  const auto nest = [&] {
    refusals.push_back(reactor.run().error());
    refusals.push_back(reactor.run_for(1ms).error());
    refusals.push_back(reactor.run_once().error());
  };
  const Pair pair = unix_pair();
  std::optional<Watch> watch;
  RecordingHandler handler{[&](Ready) {
    nest();
    watch.reset();
  }};
  watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  Timer timer{reactor, nest};
  timer.arm_after(1ms);
  reactor.defer(nest);
  reactor.post(nest);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(refusals.size(), 12U);
  for (const Error& refusal : refusals) {
    EXPECT_EQ(refusal.message(), "run the reactor: Device or resource busy");
  }
}

TEST_P(Running, OfAnotherReactorInsideIsAllowed) {
  Reactor other{GetParam().make()};
  bool inner = false;
  other.defer([&] { inner = true; });
  reactor.defer([&] { EXPECT_TRUE(other.run()); });
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(inner);
}

TEST_P(Running, ReturnsWhatMadeThePollerFailAndMayBeTriedAgain) {
  const Pair pair = unix_pair();
  std::optional<Watch> watch;
  RecordingHandler handler{[&](Ready) { watch.reset(); }};
  watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  spy.fail_wait = {
      .skip = 0, .times = 1, .error = std::make_error_code(std::errc::not_enough_memory)};
  EXPECT_EQ(reactor.run().error(), std::errc::not_enough_memory);
  EXPECT_EQ(handler.calls, 0);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(handler.calls, 1);
}

// Outside of run(), the threads may use the reactor one after the other.
TEST_P(Running, BelongsToWhicheverThreadRunsIt) {
  int turns = 0;
  for (int i = 0; i < 3; ++i) {
    reactor.defer([&] { ++turns; });
    std::thread runner{[this] { EXPECT_TRUE(reactor.run()); }};
    runner.join();
  }
  EXPECT_EQ(turns, 3);
}

TEST_P(Running, ReadsTheTimeOnceATurn) {
  const TimePoint outside = reactor.now();
  EXPECT_LE(outside, reactor.backend().now());
  Timer timer{reactor, [&] {
                const TimePoint turn = reactor.now();
                kernel().pass(1ms);
                EXPECT_EQ(reactor.now(), turn);
              }};
  timer.arm_after(1ms);
  EXPECT_TRUE(reactor.run());
  EXPECT_GE(reactor.now(), outside + 2ms) << "outside of run(), now() is the current time";
}

}  // namespace
}  // namespace rondo::test
