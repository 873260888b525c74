// After a fork the child uses or destroys its copy of a reactor, and the parent is not affected.
#include <signal.h>
#include <unistd.h>

#include <optional>

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
