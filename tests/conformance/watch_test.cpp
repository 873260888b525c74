// SPDX-License-Identifier: MIT
// Watches: interest, its cost, and hang-ups that no interest requested.
#include "support/allocation_counter.h"
#include "support/descriptor_states.h"
#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class WatchTest : public ReactorOnEveryBackend {
 protected:
  Watch watched(const Fd& fd, Ready interest, Handler& handler) {
    Result<Watch> watch = reactor.watch(fd.get(), interest, handler);
    EXPECT_TRUE(watch) << (watch ? "" : watch.error().message());
    return std::move(*watch);
  }
  /// The number of waits during an idle span of time.
  int waits_while_idle() {
    const WorkGuard hold = reactor.work_guard();
    const int before = spy.waits;
    EXPECT_TRUE(reactor.run_for(30ms));
    return spy.waits - before;
  }

  static constexpr int idle_waits_max =
      50;  // early returns are allowed; spinning would give thousands
  const Pair pair = unix_pair();
};
RONDO_ON_EVERY_BACKEND(WatchTest);

TEST_P(WatchTest, ReportsWhichDescriptorItCouldNotWatch) {
  const int fd = pair.ours.get();
  spy.fail_watch = {
      .skip = 0, .times = 1, .error = std::make_error_code(std::errc::operation_not_permitted)};
  RecordingHandler handler;
  EXPECT_EQ(reactor.watch(fd, Ready::read, handler).error().message(),
            "watch descriptor " + std::to_string(fd) + ": Operation not permitted");
  EXPECT_TRUE(reactor.watch(fd, Ready::read, handler)) << "it may be tried again";
}

TEST_P(WatchTest, CallsItsHandlerAgainUntilItHasRead) {
  RecordingHandler handler;
  const Watch watch = watched(pair.ours, Ready::read, handler);
  write_all(pair.theirs.get(), "hello");
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls >= 3; }));
  EXPECT_EQ(handler.seen, Ready::read);
  handler.then = [&](Ready) { read_all(pair.ours.get()); };
  run_turns(reactor, 2);
  handler.calls = 0;
  run_turns(reactor, 20);
  EXPECT_LE(handler.calls, 10) << "only spurious calls";
}

TEST_P(WatchTest, ReportsOnlyItsInterest) {
  RecordingHandler handler;
  Watch watch = watched(pair.ours, Ready::write, handler);
  write_all(pair.theirs.get(), "hello");
  for (const Ready interest : {Ready::write, Ready::read, Ready::write, Ready::both}) {
    watch.set(interest);
    EXPECT_EQ(watch.interest(), interest);
    handler.seen = Ready::none;
    EXPECT_TRUE(run_until(reactor, [&] { return handler.seen != Ready::none; }));
    run_turns(reactor, 20);
    EXPECT_EQ(handler.seen, interest) << "only the requested readiness, even in spurious calls";
  }
}

TEST_P(WatchTest, KnowsItsDescriptorAndIsEmptyAfterItsEnd) {
  RecordingHandler handler;
  Watch watch;
  EXPECT_FALSE(watch);
  EXPECT_EQ(watch.fd(), -1);
  EXPECT_EQ(watch.interest(), Ready::none);
  watch.cancel();
  watch = watched(pair.ours, Ready::write, handler);
  EXPECT_TRUE(watch);
  EXPECT_EQ(watch.fd(), pair.ours.get());
  Watch moved = std::move(watch);
  EXPECT_FALSE(watch);
  EXPECT_EQ(moved.fd(), pair.ours.get());
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > 0; }));
  moved.cancel();
  EXPECT_FALSE(moved);
  EXPECT_EQ(moved.fd(), -1);
  const int calls = handler.calls;
  run_turns(reactor, 20);
  EXPECT_EQ(handler.calls, calls);
}

TEST_P(WatchTest, EndsTheOneItIsAssignedTo) {
  RecordingHandler first;
  RecordingHandler second;
  Watch watch = watched(pair.ours, Ready::write, first);
  watch = watched(pair.theirs, Ready::write, second);
  EXPECT_TRUE(run_until(reactor, [&] { return second.calls > 0; }));
  EXPECT_EQ(first.calls, 0);
  EXPECT_EQ(spy.unwatches, 1);
}

TEST_P(WatchTest, IsRefusedForADescriptorThatHasOne) {
  RecordingHandler handler;
  Watch watch = watched(pair.ours, Ready::write, handler);
  EXPECT_EQ(reactor.watch(pair.ours.get(), Ready::read, handler).error(), std::errc::file_exists);
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > 0; }))
      << "the first registration still works";
  EXPECT_EQ(handler.seen, Ready::write);
  watch.cancel();
  const Watch again = watched(pair.ours, Ready::write, handler);
  EXPECT_TRUE(again);
}

// The cost of interest: none while it does not change, one call for each turn in which it does.
TEST_P(WatchTest, CostsNoCallWhileItsInterestStays) {
  RecordingHandler handler;
  Watch watch = watched(pair.ours, Ready::both, handler);
  EXPECT_EQ(spy.watches, 1);
  for (int i = 0; i < 10; ++i) {
    watch.set(Ready::both);
    write_all(pair.theirs.get(), "x");
    run_turns(reactor, 1);
  }
  EXPECT_EQ(spy.watches, 1);
}

TEST_P(WatchTest, CostsNoCallWhenItsInterestIsThereAndBackAgain) {
  RecordingHandler handler;
  Watch watch = watched(pair.ours, Ready::read, handler);
  for (int i = 0; i < 10; ++i) {
    watch.set(Ready::both);
    watch.set(Ready::none);
    watch.set(Ready::read);
    run_turns(reactor, 1);
  }
  EXPECT_EQ(spy.watches, 1);
}

TEST_P(WatchTest, CostsAtMostOneCallATurnHoweverOftenItChanges) {
  RecordingHandler handler;
  Watch watch = watched(pair.ours, Ready::read, handler);
  run_turns(reactor, 1);
  for (int turn = 0; turn < 20; ++turn) {
    const int before = spy.watches;
    for (int i = 0; i < 5; ++i) {
      watch.set(Ready::none);
      watch.set(Ready::both);
      watch.set(turn % 2 == 0 ? Ready::write : Ready::read);
    }
    run_turns(reactor, 1);
    EXPECT_LE(spy.watches - before, 1);
  }
}

TEST_P(WatchTest, PausesAndResumes) {
  RecordingHandler handler;
  write_all(pair.theirs.get(), "hello");
  Watch watch = watched(pair.ours, Ready::both, handler);
  EXPECT_TRUE(run_until(reactor, [&] { return handler.seen == Ready::both; }));
  watch.set(Ready::none);
  handler.calls = 0;
  EXPECT_LE(waits_while_idle(), idle_waits_max);
  EXPECT_EQ(handler.calls, 0);
  watch.set(Ready::read);
  handler.seen = Ready::none;
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > 0; }));
  EXPECT_EQ(handler.seen, Ready::read);
}

TEST_P(WatchTest, BeginsPaused) {
  RecordingHandler handler;
  write_all(pair.theirs.get(), "hello");
  Watch watch = watched(pair.ours, Ready::none, handler);
  EXPECT_LE(waits_while_idle(), idle_waits_max);
  EXPECT_EQ(handler.calls, 0);
  watch.set(Ready::read);
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > 0; }));
}

TEST_P(WatchTest, DoesNotSpinOnADirectionThatIsNoLongerAwaited) {
  RecordingHandler handler;
  Watch watch = watched(pair.ours, Ready::both, handler);
  run_turns(reactor, 3);
  watch.set(Ready::read);  // it stays writable throughout
  handler.seen = Ready::none;
  EXPECT_LE(waits_while_idle(), idle_waits_max);
  EXPECT_FALSE(can_write(handler.seen));
}

// HUP and ERR cannot be masked. Without any interest the reactor must still not spin.
TEST_P(WatchTest, DoesNotSpinOnAnyStateWhilePaused) {
  for (const DescriptorState& state : descriptor_states()) {
    SCOPED_TRACE(state.name);
    const bool is_reported = must_report(GetParam().name, state) != Ready::none;
    const DescriptorState::Made made = state.make();
    RecordingHandler handler;
    Watch watch = watched(made.fd, Ready::both, handler);
    EXPECT_TRUE(!is_reported || run_until(reactor, [&] { return handler.calls > 0; }));
    watch.set(Ready::none);
    handler.calls = 0;
    EXPECT_LE(waits_while_idle(), idle_waits_max);
    EXPECT_EQ(handler.calls, 0);
    watch.set(Ready::both);
    EXPECT_TRUE(!is_reported || run_until(reactor, [&] { return handler.calls > 0; }));
    state.verify(made.fd.get());
  }
}

// RDHUP means that the peer has finished writing. Writing to it is still possible.
TEST_P(WatchTest, WritesOnAfterThePeerHasFinishedWriting) {
  const Pair tcp = tcp_pair();
  finish_writing(tcp.theirs);
  RecordingHandler handler;
  Watch watch = watched(tcp.ours, Ready::read, handler);
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > 0; }));
  EXPECT_EQ(read_result(tcp.ours.get()), 0);
  watch.set(
      Ready::write);  // without read interest: end of file would be reported again in each turn
  handler.seen = Ready::none;
  handler.then = [&](Ready) {
    write_all(tcp.ours.get(), "answer");
    watch.set(Ready::none);
  };
  EXPECT_TRUE(run_until(reactor, [&] { return handler.seen == Ready::write; }));
  EXPECT_LE(waits_while_idle(), idle_waits_max);
  EXPECT_EQ(read_all(tcp.theirs.get()), "answer");
}

TEST_P(WatchTest, IsTriedAgainAfterTheBackendRefusedAChange) {
  RecordingHandler handler;
  Watch watch = watched(pair.ours, Ready::read, handler);
  run_turns(reactor, 2);
  spy.fail_watch = {
      .skip = 0, .times = 3, .error = std::make_error_code(std::errc::not_enough_memory)};
  watch.set(Ready::write);
  handler.seen = Ready::none;
  EXPECT_TRUE(run_until(reactor, [&] { return can_write(handler.seen); })) << "as a hint";
  EXPECT_TRUE(run_until(reactor, [&] { return spy.fail_watch.times == 0; }))
      << "the change is tried again";
  handler.calls = 0;
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > 2; })) << "and it succeeds at last";
  EXPECT_EQ(handler.last, Ready::write);
}

TEST_P(WatchTest, MayGrowTheTableWhileARefusalIsReported) {
  RecordingHandler other;
  std::vector<Fd> copies;
  std::vector<Watch> more;
  RecordingHandler handler;
  Watch first = watched(pair.ours, Ready::read, handler);
  Watch second = watched(pair.theirs, Ready::read, handler);
  run_turns(reactor, 2);
  handler.then = [&](Ready) {
    for (int i = 0; i < 50 && copies.size() < 400; ++i) {
      copies.push_back(duplicate(pair.ours.get()));
      Result<Watch> watch = reactor.watch(copies.back().get(), Ready::none, other);
      ASSERT_TRUE(watch);
      more.push_back(std::move(*watch));
    }
  };
  spy.fail_watch = {
      .skip = 0, .times = 2, .error = std::make_error_code(std::errc::not_enough_memory)};
  first.set(Ready::write);
  second.set(Ready::write);
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > 4; }));
  more.clear();
}

TEST_P(WatchTest, ReportsWhatThePollerRefuses) {
  RecordingHandler handler;
  spy.fail_watch = {
      .skip = 0, .times = 1, .error = std::make_error_code(std::errc::no_space_on_device)};
  EXPECT_EQ(reactor.watch(pair.ours.get(), Ready::read, handler).error(),
            std::errc::no_space_on_device);
  EXPECT_FALSE(reactor.alive()) << "nothing was registered";
  EXPECT_EQ(reactor.watch(-1, Ready::read, handler).error(), std::errc::bad_file_descriptor);
  const std::int64_t before = live_bytes();
  EXPECT_EQ(reactor.watch((1 << 28) - 1, Ready::read, handler).error(),
            std::errc::bad_file_descriptor);
  EXPECT_LT(live_bytes() - before, 1 << 16) << "no table grows for such a number";
  const Watch watch = watched(pair.ours, Ready::write, handler);
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > 0; }));
}

}  // namespace
}  // namespace rondo::test
