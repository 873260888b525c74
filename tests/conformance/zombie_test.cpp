// SPDX-License-Identifier: MIT
// Descriptors that are closed while their registration still exists. This breaks the contract, but
// the reactor must not spin or crash, and must not call the handler of another descriptor.
#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>
#include <chrono>

#include "support/child_process.h"
#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

Duration processor_time() {
  rusage usage{};
  EXPECT_EQ(::getrusage(RUSAGE_SELF, &usage), 0);
  return std::chrono::seconds{usage.ru_utime.tv_sec + usage.ru_stime.tv_sec} +
         std::chrono::microseconds{usage.ru_utime.tv_usec + usage.ru_stime.tv_usec};
}

// libuv drops events of descriptors that it does not know and polls again, without end, inside
// uv_run. A caller cannot see that, and a reused number receives the events of its predecessor.
constexpr const char* uv_cannot = "libuv knows descriptors by their numbers alone";

class Zombie : public ReactorOnEveryBackend {
 protected:
  /// Checks that for a while no handler is called and almost no work is done.
  void expect_peace() {
    const WorkGuard hold = reactor.work_guard();
    const int before = spy.waits;
    const Duration start = processor_time();
    EXPECT_TRUE(reactor.run_for(200ms));
    EXPECT_LE(spy.waits - before, 100);
    EXPECT_LT(processor_time() - start, 150ms) << "it spins";
    EXPECT_EQ(handler.calls, 0);
  }
  void begin_to_watch(Ready interest) {
    watch = reactor.watch(pair.ours.get(), interest, handler).value();
    run_turns(reactor, 2);
    handler.calls = 0;
  }

  Pair pair = unix_pair();
  RecordingHandler handler;
  Watch watch;
};
RONDO_ON_EVERY_BACKEND(Zombie);

// A duplicate keeps a closed descriptor registered in epoll, and it can no longer be removed. To
// skip its events without removing it would spin for ever.
TEST_P(Zombie, ThatADuplicateKeepsAliveDoesNotSpin) {
  if (GetParam().name == "uv") GTEST_SKIP() << uv_cannot;
  const Fd copy = duplicate(pair.ours.get());
  begin_to_watch(Ready::read);
  pair.ours.close();
  watch.cancel();
  write_all(pair.theirs.get(), "hello");
  expect_peace();
}

TEST_P(Zombie, ThatLostItsNumberReachesNoHandler) {
  const Fd copy = duplicate(pair.ours.get());
  const int number = pair.ours.get();
  begin_to_watch(Ready::read);
  pair.ours.close();
  watch.cancel();
  Pair next = unix_pair();
  next.ours = moved_to(number, std::move(next.ours));
  RecordingHandler stranger;
  const Watch strangers = reactor.watch(number, Ready::read, stranger).value();
  write_all(pair.theirs.get(), "hello");
  run_turns(reactor, 20);
  EXPECT_EQ(handler.calls, 0);
  EXPECT_EQ(read_result(number), -EAGAIN);
  if (GetParam().name != "uv") {
    expect_peace();
    EXPECT_LE(stranger.calls, 50) << "only spurious calls";
  }
  const int before = stranger.calls;
  write_all(next.theirs.get(), "hello");
  EXPECT_TRUE(run_until(reactor, [&] { return stranger.calls > before; }));
  EXPECT_EQ(read_all(number), "hello");
}

TEST_P(Zombie, ThatEveryoneElseLivesBesideIsCured) {
  if (GetParam().name == "uv") GTEST_SKIP() << uv_cannot;
  const Fd copy = duplicate(pair.ours.get());
  const Pair other = unix_pair();
  RecordingHandler alive;
  const Watch living = reactor.watch(other.ours.get(), Ready::read, alive).value();
  begin_to_watch(Ready::both);
  pair.ours.close();
  watch.cancel();
  expect_peace();
  write_all(other.theirs.get(), "hello");
  EXPECT_TRUE(run_until(reactor, [&] { return alive.calls > 0; }));
}

TEST_P(Zombie, WithoutADuplicateIsGone) {
  begin_to_watch(Ready::both);
  pair.ours.close();
  watch.cancel();
  expect_peace();
}

TEST_P(Zombie, ThatWasClosedBeforeTheFirstWait) {
  EXPECT_EQ(in_child([this] {
              Watch early = reactor.watch(pair.ours.get(), Ready::read, handler).value();
              pair.ours.close();
              (void)reactor.run_for(5ms);  // an error is a correct outcome too
              early.cancel();
              RONDO_CHILD_REQUIRE(reactor.run_for(5ms));
              return 0;
            }),
            0);
}

TEST_P(Zombie, ThatWasClosedBeforeItsInterestChanged) {
  EXPECT_EQ(in_child([this] {
              begin_to_watch(Ready::read);
              pair.ours.close();
              watch.set(Ready::both);
              (void)reactor.run_for(5ms);  // as above
              watch.cancel();
              RONDO_CHILD_REQUIRE(reactor.run_for(5ms));
              return 0;
            }),
            0);
}

TEST_P(Zombie, ThatLostItsNumberToAFileCanStillBeEnded) {
  RONDO_NEEDS(files);
  EXPECT_EQ(in_child([this] {
              Watch early = reactor.watch(pair.ours.get(), Ready::read, handler).value();
              const int number = pair.ours.get();
              pair.ours.close();
              const Fd null = moved_to(number, Fd{::open("/dev/null", O_RDWR | O_CLOEXEC)});
              (void)reactor.run_for(5ms);  // as above
              early.set(Ready::write);
              (void)reactor.run_for(5ms);  // as above
              early.cancel();
              RONDO_CHILD_REQUIRE(reactor.run_for(5ms));
              return 0;
            }),
            0);
}

// A paused registration is passed to the backend again, which must not mistake the file for it.
TEST_P(Zombie, ThatWasPausedWhileAFileTookItsNumberIsReported) {
  RONDO_NEEDS(files);
  EXPECT_EQ(in_child([this] {
              begin_to_watch(Ready::read);
              watch.set(Ready::none);
              write_all(pair.theirs.get(), "hello");
              run_turns(reactor, 3);
              const int number = pair.ours.get();
              pair.ours.close();
              const Fd null = moved_to(number, Fd{::open("/dev/null", O_RDWR | O_CLOEXEC)});
              watch.set(Ready::read);
              RONDO_CHILD_REQUIRE(run_until(reactor, [&] { return handler.calls > 0; }));
              watch.cancel();
              RONDO_CHILD_REQUIRE(reactor.run_for(5ms));
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace rondo::test
