// SPDX-License-Identifier: MIT
// Hooks before the wait, and a reactor that is nested in another loop.
#include <poll.h>
#include <signal.h>

#include <algorithm>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <rondo/before_wait.h>
#include <rondo/signal.h>
#include <rondo/stream.h>
#include <rondo/timer.h>

#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class Hooks : public ReactorOnEveryBackend {};
RONDO_ON_EVERY_BACKEND(Hooks);

TEST_P(Hooks, AreCalledOnceBeforeEachWait) {
  int calls = 0;
  int waits_at_call = -1;
  const BeforeWait hook{reactor, [&] {
                          ++calls;
                          waits_at_call = spy.waits;
                        }};
  for (int turn = 1; turn <= 5; ++turn) {
    reactor.defer([] {});
    run_turns(reactor, 1);
    EXPECT_EQ(calls, turn);
    EXPECT_EQ(waits_at_call, turn - 1) << "before the wait of its turn";
  }
}

TEST_P(Hooks, AreCalledInTheirOrderAfterTheWork) {
  std::string order;
  const BeforeWait first{reactor, [&] { order += '1'; }};
  const BeforeWait second{reactor, [&] { order += '2'; }};
  reactor.defer([&] { order += 'd'; });
  reactor.post([&] { order += 'p'; });
  run_turns(reactor, 1);
  EXPECT_EQ(order, "pd12");
}

TEST_P(Hooks, DoNotKeepTheReactorRunning) {
  int calls = 0;
  const BeforeWait hook{reactor, [&] { ++calls; }};
  EXPECT_FALSE(reactor.alive());
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(calls, 0);
}

// The reactor would sleep for ever if it did not look after the hooks.
TEST_P(Hooks, MayAddWork) {
  bool did = false;
  const WorkGuard guard = reactor.work_guard();
  std::optional<BeforeWait> hook;
  hook.emplace(reactor, [&] {
    hook.reset();
    reactor.defer([&] {
      did = true;
      reactor.stop();
    });
  });
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(did);
}

TEST_P(Hooks, MayArmTimersAndStopAndEndTheLastThing) {
  std::optional<WorkGuard> guard{reactor.work_guard()};
  std::optional<BeforeWait> hook;
  Timer timer{reactor, [&] { reactor.stop(); }};
  hook.emplace(reactor, [&] {
    if (!timer.armed()) timer.arm_after(1ms);
  });
  EXPECT_TRUE(reactor.run());
  timer.cancel();
  hook.reset();
  hook.emplace(reactor, [&] { reactor.stop(); });
  EXPECT_TRUE(reactor.run());
  hook.reset();
  hook.emplace(reactor, [&] { guard.reset(); });
  EXPECT_TRUE(reactor.run());
}

TEST_P(Hooks, MayArmATimerBeforeEachWait) {
  WorkGuard guard = reactor.work_guard();
  bool has_run = false;
  Timer timer{reactor, [&] { has_run = true; }};
  const TimePoint due = after(reactor.now(), 1ms);
  const BeforeWait hook{reactor, [&] {
                          if (!has_run) timer.arm_at(due);
                        }};
  EXPECT_TRUE(run_until(reactor, [&] { return has_run; })) << "it was put off in each turn";
}

TEST_P(Hooks, MayWriteToAStream) {
  struct Reader final : StreamHandler {
    explicit Reader(Reactor& one) : reactor(one) {}
    void on_data(Stream&, Bytes) override { reactor.stop(); }
    Reactor& reactor;
  } reader{reactor};
  Pair pair = unix_pair();
  const auto ours =
      Stream::adopt(reactor, Socket{reactor.net(), pair.ours.release()}, reader).value();
  const auto theirs =
      Stream::adopt(reactor, Socket{reactor.net(), pair.theirs.release()}, reader).value();
  run_turns(reactor, 3);
  bool has_written = false;
  const BeforeWait hook{reactor, [&] {
                          if (!std::exchange(has_written, true)) ours->write("x");
                        }};
  EXPECT_TRUE(reactor.run());
}

TEST_P(Hooks, MayChangeAnInterestForThisWait) {
  const Pair pair = unix_pair();
  RecordingHandler handler{[&](Ready) { reactor.stop(); }};
  Watch watch = reactor.watch(pair.ours.get(), Ready::none, handler).value();
  const BeforeWait hook{reactor, [&] { watch.set(Ready::write); }};
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(handler.last, Ready::write);
}

TEST_P(Hooks, MayEndThemselvesAndOthersAndMakeNewOnes) {
  std::string order;
  std::optional<BeforeWait> first;
  std::optional<BeforeWait> second;
  std::optional<BeforeWait> third;
  std::optional<BeforeWait> fourth;
  first.emplace(reactor, [&] { order += '1'; });
  second.emplace(reactor, [&] {
    order += '2';
    first.reset();
    third.reset();
    second.reset();
    first.emplace(reactor, [&] { order += 'n'; });
  });
  third.emplace(reactor, [&] { order += '3'; });
  fourth.emplace(reactor, [&] { order += '4'; });
  run_turns(reactor, 1);
  EXPECT_EQ(order, "124");
  order.clear();
  run_turns(reactor, 1);
  EXPECT_EQ(order, "4n");
}

TEST_P(Hooks, MayThrow) {
  bool throws = true;
  int calls = 0;
  const BeforeWait first{reactor, [&] {
                           if (throws) throw std::runtime_error("hook");
                         }};
  const BeforeWait moved_from{reactor, [&] { ++calls; }};
  EXPECT_THROW(run_turns(reactor, 1), std::runtime_error);
  EXPECT_EQ(calls, 0);
  throws = false;
  run_turns(reactor, 1);
  EXPECT_EQ(calls, 1);
}

TEST_P(Hooks, MayBeMoved) {
  int calls = 0;
  BeforeWait hook{reactor, [&] { ++calls; }};
  const BeforeWait moved = std::move(hook);
  run_turns(reactor, 1);
  EXPECT_EQ(calls, 1);
}

// --- nesting ------------------------------------------------------------------------------------

class Nesting : public ReactorOnEveryBackend {
 protected:
  /// A turn of the outer loop, poll(2). Returns false if nothing has happened for too long.
  bool outer_turn() {
    const TimePoint deadline = reactor.next_deadline();
    pollfd entry{.fd = reactor.poll_fd().value(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, milliseconds_until(deadline));
    EXPECT_TRUE(reactor.run_once(0s));
    return ready != 0 || deadline != never;
  }
  int milliseconds_until(TimePoint deadline) {
    const auto left =
        std::min<Duration>(deadline == never ? patience : deadline - Clock::now(), patience);
    if (deadline == TimePoint::min() || left <= 0s) return 0;
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
  }
  /// The descriptor of the emulated kqueue shows nothing to poll(2).
  bool can_nest() { return reactor.poll_fd() && !GetParam().name.starts_with("kqueue_"); }
};
RONDO_ON_EVERY_BACKEND(Nesting);

TEST_P(Nesting, OfABackendWithoutADescriptorIsAnError) {
  if (reactor.poll_fd()) GTEST_SKIP() << "it has one";
  EXPECT_EQ(reactor.poll_fd().error(), std::errc::operation_not_supported);
}

TEST_P(Nesting, SleepsUntilThereIsSomethingToDo) {
  if (!can_nest()) GTEST_SKIP() << "no descriptor that can be polled";
  while (reactor.next_deadline() == TimePoint::min()) run_turns(reactor, 1);
  EXPECT_EQ(reactor.next_deadline(), never);
  reactor.defer([] {});
  EXPECT_EQ(reactor.next_deadline(), TimePoint::min());
  run_turns(reactor, 1);
  reactor.post([] {});
  EXPECT_EQ(reactor.next_deadline(), TimePoint::min());
  run_turns(reactor, 1);
  Timer timer{reactor, [] {}};
  timer.arm_after(1h);
  EXPECT_EQ(reactor.next_deadline(), timer.deadline());
}

TEST_P(Nesting, InPollServesDescriptorsTimersPostsAndSignals) {
  if (!can_nest()) GTEST_SKIP() << "no descriptor that can be polled";
  const Pair pair = unix_pair();
  RecordingHandler handler{[&](Ready) { read_all(pair.ours.get()); }};
  Watch watch = reactor.watch(pair.ours.get(), Ready::read, handler).value();
  std::string done;
  Timer timer{reactor, [&] {
                done += 't';
                write_all(pair.theirs.get(), "hello");
              }};
  timer.arm_after(2ms);
  while (handler.calls == 0) ASSERT_TRUE(outer_turn());
  const Signal signal{reactor, SIGUSR1, [&] { done += 's'; }};
  std::thread poster{[&] { reactor.post([&] { done += 'p'; }); }};
  while (done != "tp") ASSERT_TRUE(outer_turn());
  poster.join();
  std::thread sender{[] { EXPECT_EQ(::raise(SIGUSR1), 0); }};
  while (done != "tps") ASSERT_TRUE(outer_turn());
  sender.join();
}

TEST_P(Nesting, CallsTheHooksBeforeTheSleep) {
  std::string order;
  bool throws = false;
  const BeforeWait hook{reactor, [&] {
                          order += 'h';
                          if (std::exchange(throws, false)) throw std::runtime_error("hook");
                        }};
  Timer timer{reactor, [&] { order += 't'; }};
  timer.arm_after(1ms);
  for (const TimePoint end = Clock::now() + patience; !order.ends_with("t");) {
    ASSERT_LT(Clock::now(), end);
    EXPECT_TRUE(reactor.run_once(1ms));
  }
  (void)reactor.next_deadline();  // only its call of the hook matters
  EXPECT_TRUE(order.ends_with("th"));
  throws = true;
  EXPECT_EQ(reactor.next_deadline(), TimePoint::min());
  EXPECT_THROW(run_turns(reactor, 1), std::runtime_error);
}

// The poller must know of an interest that a callback has changed in the last turn.
TEST_P(Nesting, PassesChangesOnBeforeTheSleep) {
  if (!can_nest()) GTEST_SKIP() << "no descriptor that can be polled";
  const Pair pair = unix_pair();
  RecordingHandler handler;
  Watch watch = reactor.watch(pair.ours.get(), Ready::none, handler).value();
  Timer timer{reactor, [&] { watch.set(Ready::write); }};
  timer.arm_after(1ms);
  while (handler.calls == 0) ASSERT_TRUE(outer_turn());
  EXPECT_EQ(handler.last, Ready::write);
}

TEST_P(Nesting, InAnotherReactorServesBoth) {
  if (!can_nest()) GTEST_SKIP() << "no descriptor that can be polled";
  Reactor outer{GetParam().make()};
  Watch inner_watch;
  Timer inner_timer{outer, [] {}};
  bool is_ready = true;
  RecordingHandler wake_inner{[&](Ready) { is_ready = true; }};
  inner_watch = outer.watch(reactor.poll_fd().value(), Ready::read, wake_inner).value();
  const Pair pair = unix_pair();
  RecordingHandler handler{[&](Ready) { read_all(pair.ours.get()); }};
  const Watch watch = reactor.watch(pair.ours.get(), Ready::read, handler).value();
  Timer timer{reactor, [&] { write_all(pair.theirs.get(), "hello"); }};
  timer.arm_after(2ms);
  const TimePoint end = after(Clock::now(), patience);
  while (handler.calls == 0 && Clock::now() < end) {
    const TimePoint deadline = reactor.next_deadline();
    inner_timer.cancel();
    if (deadline != never) inner_timer.arm_at(deadline);
    ASSERT_TRUE(outer.run_once());
    ASSERT_TRUE(reactor.run_once(0s));
  }
  EXPECT_EQ(handler.calls, 1);
}

}  // namespace
}  // namespace rondo::test
