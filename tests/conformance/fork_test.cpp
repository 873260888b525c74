// SPDX-License-Identifier: MIT
// After a fork the child uses or destroys its copy of a reactor, and the parent is not affected.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include <rondo/before_wait.h>
#include <rondo/signal.h>
#include <rondo/timer.h>

#include "support/child_process.h"
#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class Forking : public ReactorOnEveryBackend {
 protected:
  Forking() {
    watch = reactor.watch(pair.ours.get(), Ready::read, handler).value();
    run_turns(reactor, 2);
  }
  /// The parent's registration works as before, and its handler received no other event.
  void expect_undisturbed() {
    handler.then = [this](Ready) { read_all(pair.ours.get()); };
    const int before = handler.calls;
    write_all(pair.theirs.get(), "for the parent");
    EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > before; }));
    EXPECT_EQ(spy.reinits, 0);
    watch.set(Ready::write);
    EXPECT_TRUE(run_until(reactor, [&] { return can_write(handler.last); }));
    watch.cancel();
    EXPECT_TRUE(reactor.run());
  }

  static void join(std::vector<std::thread>& threads) {
    for (std::thread& thread : threads)
      if (thread.joinable()) thread.join();
  }

  const Pair pair = unix_pair();
  const Pair second = unix_pair();
  RecordingHandler handler;
  Watch watch;
};
RONDO_ON_EVERY_BACKEND(Forking);

TEST_P(Forking, TheChildGoesOnWithItsCopy) {
  EXPECT_EQ(in_child([&] {
              bool fired = false;
              Timer timer{reactor, [&] { fired = true; }};
              timer.arm_after(1ms);
              watch.set(Ready::both);
              RONDO_CHILD_REQUIRE(run_until(reactor, [&] { return can_write(handler.seen); }));
              RONDO_CHILD_REQUIRE(run_until(reactor, [&] { return fired; }));
              RecordingHandler mine;
              Watch more = reactor.watch(second.ours.get(), Ready::write, mine).value();
              RONDO_CHILD_REQUIRE(run_until(reactor, [&] { return mine.calls > 0; }));
              more.cancel();
              watch.cancel();
              RONDO_CHILD_REQUIRE(reactor.run());
              return 0;
            }),
            0);
  expect_undisturbed();
}

TEST_P(Forking, TheChildRegistersFirst) {
  EXPECT_EQ(in_child([&] {
              RecordingHandler mine;
              Watch more = reactor.watch(second.ours.get(), Ready::write, mine).value();
              RONDO_CHILD_REQUIRE(run_until(reactor, [&] { return mine.calls > 0; }));
              more.cancel();
              return 0;
            }),
            0);
  expect_undisturbed();
}

TEST_P(Forking, TheChildUnregistersFirst) {
  EXPECT_EQ(in_child([&] {
              watch.cancel();
              RONDO_CHILD_REQUIRE(!reactor.alive());
              RONDO_CHILD_REQUIRE(reactor.run());
              return 0;
            }),
            0);
  expect_undisturbed();
}

TEST_P(Forking, TheChildDestroysEverything) {
  std::optional<Reactor> doomed{GetParam().make()};
  RecordingHandler mine;
  std::optional<Watch> theirs{doomed->watch(second.ours.get(), Ready::write, mine).value()};
  EXPECT_TRUE(run_until(*doomed, [&] { return mine.calls > 0; }));
  EXPECT_EQ(in_child([&] {
              watch.cancel();
              theirs.reset();
              doomed.reset();
              return 0;
            }),
            0);
  const int before = mine.calls;
  EXPECT_TRUE(run_until(*doomed, [&] { return mine.calls > before; }));
  theirs.reset();
  doomed.reset();
  expect_undisturbed();
}

TEST_P(Forking, TheChildPostsBeforeItRuns) {
  EXPECT_EQ(in_child([&] {
              bool posted = false;
              bool deferred = false;
              reactor.post([&] { posted = true; });
              reactor.defer([&] { deferred = true; });
              RONDO_CHILD_REQUIRE(run_until(reactor, [&] { return deferred; }));
              RONDO_CHILD_REQUIRE(run_until(reactor, [&] { return posted; }));
              return 0;
            }),
            0);
  run_turns(reactor, 3);
  expect_undisturbed();
}

// The threads are faster than the reactor's first use in the child, or as fast.
TEST_P(Forking, ThreadsOfTheChildPostBeforeItRuns) {
  bool is_parent = true;
  bool ran_in_child = false;
  reactor.post([&] { ran_in_child = ran_in_child || !is_parent; });
  for (const bool runs_meanwhile : {false, true}) {
    EXPECT_EQ(in_child([&] {
                is_parent = false;
                constexpr int producers = 4;
                constexpr int many = 500;
                std::vector<std::thread> threads;
                int done = 0;
                for (int i = 0; i < producers; ++i) {
                  threads.emplace_back([&] {
                    for (int n = 0; n < many; ++n) reactor.post([&] { ++done; });
                  });
                }
                if (!runs_meanwhile) join(threads);
                watch.set(Ready::none);
                RONDO_CHILD_REQUIRE(run_until(reactor, [&] { return done == producers * many; }));
                join(threads);
                RONDO_CHILD_REQUIRE(!ran_in_child);
                return 0;
              }),
              0);
  }
  run_turns(reactor, 3);
  expect_undisturbed();
}

TEST_P(Forking, AThreadOfTheChildWakesItsRun) {
  EXPECT_EQ(in_child([&] {
              watch.set(Ready::none);
              std::atomic<bool> is_asleep = false;
              std::thread poster{[&] {
                while (!is_asleep) std::this_thread::yield();
                reactor.stop();
              }};
              // After the first use of the reactor, and before the backend is asked to wait.
              const BeforeWait hook{reactor, [&] { is_asleep = true; }};
              RONDO_CHILD_REQUIRE(reactor.run());
              poster.join();
              return 0;
            }),
            0);
  expect_undisturbed();
}

TEST_P(Forking, PostsOfTheChildDoNotWakeTheParent) {
  const int before = spy.wakes.load();
  EXPECT_EQ(in_child([&] {
              reactor.post([] {});
              RONDO_CHILD_REQUIRE(spy.wakes.load() == before);
              reactor.stop();
              RONDO_CHILD_REQUIRE(spy.wakes.load() == before);
              RONDO_CHILD_REQUIRE(reactor.run());
              RONDO_CHILD_REQUIRE(spy.wakes.load() > before);
              return 0;
            }),
            0);
  expect_undisturbed();
}

// The thread that runs the reactor does not exist in the child.
TEST_P(Forking, FromAnotherThreadThanTheReactorsTheChildMayRunIt) {
  RONDO_NEEDS(threads);
  std::atomic<bool> runs = false;
  std::atomic<bool> forked = false;
  int end = -1;
  std::thread other{[&] {
    while (!runs) std::this_thread::yield();
    end = in_child([&] {
      Timer timer{reactor, [&] { reactor.stop(); }};
      timer.arm_after(Duration::zero());
      RONDO_CHILD_REQUIRE(reactor.run());
      timer.cancel();
      watch.cancel();
      return 0;
    });
    forked = true;
    reactor.stop();
  }};
  reactor.defer([&] {
    runs = true;
    while (!forked) std::this_thread::yield();
  });
  EXPECT_TRUE(reactor.run());
  other.join();
  EXPECT_EQ(end, 0);
  expect_undisturbed();
}

TEST_P(Forking, TheChildStopsItsOwnRunOnly) {
  EXPECT_EQ(in_child([&] {
              reactor.stop();
              RONDO_CHILD_REQUIRE(reactor.run());
              return 0;
            }),
            0);
  const TimePoint start = reactor.backend().now();
  EXPECT_TRUE(reactor.run_for(5ms));
  EXPECT_GE(reactor.backend().now() - start, 5ms);
  expect_undisturbed();
}

TEST_P(Forking, ASignalOfTheChildDoesNotReachTheParent) {
  int reported = 0;
  std::optional<Signal> signal{std::in_place, reactor, SIGUSR1, [&] { ++reported; }};
  EXPECT_EQ(in_child([&] {
              (void)::raise(SIGUSR1);  // cannot fail; the child has not used its reactor yet
              RONDO_CHILD_REQUIRE(run_until(reactor, [&] { return reported == 1; }));
              (void)::raise(SIGUSR1);  // as above
              RONDO_CHILD_REQUIRE(run_until(reactor, [&] { return reported == 2; }));
              signal.reset();
              return 0;
            }),
            0);
  run_turns(reactor, 3);
  EXPECT_EQ(reported, 0);
  (void)::raise(SIGUSR1);  // as above
  EXPECT_TRUE(run_until(reactor, [&] { return reported == 1; }));
  signal.reset();
  expect_undisturbed();
}

TEST_P(Forking, FromInsideACallbackTheChildGoesOnToo) {
  pid_t child = -1;
  reactor.defer([&] {
    child = ::fork();
    if (child == 0) ::alarm(child_seconds_max);
  });
  run_turns(reactor, 1);
  if (child == 0) {
    watch.set(Ready::write);
    const bool served = run_until(reactor, [&] { return can_write(handler.seen); });
    ::_exit(served ? 0 : 1);
  }
  EXPECT_EQ(end_of_child(child), 0);
  expect_undisturbed();
}

TEST_P(Forking, OfAChildOfAChild) {
  EXPECT_EQ(
      in_child([&] {
        watch.set(Ready::write);
        RONDO_CHILD_REQUIRE(run_until(reactor, [&] { return handler.calls > 0; }));
        RONDO_CHILD_REQUIRE(in_child([&] {
                              handler.calls = 0;
                              return run_until(reactor, [&] { return handler.calls > 0; }) ? 0 : 1;
                            }) == 0);
        handler.calls = 0;
        RONDO_CHILD_REQUIRE(run_until(reactor, [&] { return handler.calls > 0; }));
        return 0;
      }),
      0);
  expect_undisturbed();
}

// A child that cannot get a backend of its own must not use its parent's instead.
TEST_P(Forking, AChildThatCannotRenewItsBackendSaysSoAndTouchesNothing) {
  EXPECT_EQ(in_child([&] {
              const std::error_code no_more = std::make_error_code(std::errc::too_many_files_open);
              spy.fail_reinit = {.skip = 0, .times = 4, .error = no_more};
              const int watches_before = spy.watches;
              const int waits_before = spy.waits;
              watch.set(Ready::both);
              RONDO_CHILD_REQUIRE(reactor.run_once(Duration::zero()).error().code == no_more);
              RONDO_CHILD_REQUIRE(reactor.run_once(Duration::zero()).error().code == no_more);
              RecordingHandler mine;
              RONDO_CHILD_REQUIRE(!reactor.watch(second.ours.get(), Ready::write, mine));
              watch.cancel();
              RONDO_CHILD_REQUIRE(spy.watches == watches_before && spy.waits == waits_before);
              Watch more = reactor.watch(second.ours.get(), Ready::write, mine).value();
              RONDO_CHILD_REQUIRE(run_until(reactor, [&] { return mine.calls > 0; }));
              return 0;
            }),
            0);
  expect_undisturbed();
}

}  // namespace
}  // namespace rondo::test
