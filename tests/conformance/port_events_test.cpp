// SPDX-License-Identifier: MIT
// Readiness beyond reading and writing: the peer has closed, and what has priority.
#include <poll.h>
#include <sys/socket.h>

#include "support/port_fixture.h"
#include "support/recording_handler.h"

namespace rondo::test {
namespace {

class PortEvents : public PortFixture {
 protected:
  /// Reported soon, and again by most waits.
  bool is_reported_again(Ready ready) {
    return is_reported(token, ready) && times_reported(token, ready) > looks / 2;
  }
};
RONDO_ON_EVERY_BACKEND(PortEvents);

TEST_P(PortEvents, ReportThatThePeerHasClosedBesideUnreadInput) {
  for (Pair (*const make)() : {unix_pair, tcp_pair}) {
    Pair pair = make();
    ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::peer_closed));
    EXPECT_TRUE(is_not_reported(token, Ready::peer_closed));
    write_all(pair.theirs.get(), "hello");
    kernel().await(pair.ours.get(), POLLIN);
    EXPECT_TRUE(is_not_reported(token, Ready::peer_closed)) << "input is not awaited";
    pair.theirs.close();
    EXPECT_TRUE(is_reported_again(Ready::peer_closed));
    EXPECT_EQ(read_all(pair.ours.get()), "hello") << "which can be read afterwards";
    EXPECT_TRUE(is_reported_again(Ready::peer_closed));
    backend->unwatch(pair.ours.get(), Ready::peer_closed);
    EXPECT_TRUE(is_silent(token));
  }
}

TEST_P(PortEvents, DoNotSleepLessBecauseOfInputThatIsNotAwaited) {
  const Pair pair = tcp_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::peer_closed));
  write_all(pair.theirs.get(), "hello");
  kernel().await(pair.ours.get(), POLLIN);
  const TimePoint deadline = after(backend->now(), std::chrono::milliseconds{10});
  int waits = 0;
  for (; backend->now() < deadline; ++waits) {
    CollectingSink sink;
    ASSERT_FALSE(backend->wait(sink, deadline));
  }
  EXPECT_LE(waits, 50);
  backend->unwatch(pair.ours.get(), Ready::peer_closed);
}

TEST_P(PortEvents, ReportThatThePeerHasShutDownItsOutput) {
  for (Pair (*const make)() : {unix_pair, tcp_pair}) {
    const Pair pair = make();
    ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::peer_closed));
    finish_writing(pair.theirs);
    EXPECT_TRUE(is_reported_again(Ready::peer_closed));
    write_all(pair.ours.get(), "still");
    backend->unwatch(pair.ours.get(), Ready::peer_closed);
  }
}

TEST_P(PortEvents, ReportAResetAndTheEndOfAPipeToo) {
  Pair pair = tcp_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::peer_closed));
  close_with_reset(pair.theirs);
  EXPECT_TRUE(is_reported(token, Ready::peer_closed));
  backend->unwatch(pair.ours.get(), Ready::peer_closed);
  Pipe pipe = make_pipe();
  ASSERT_FALSE(watch(pipe.reader, Ready::none, Ready::peer_closed));
  EXPECT_TRUE(is_not_reported(token, Ready::peer_closed));
  pipe.writer.close();
  EXPECT_TRUE(is_reported_again(Ready::peer_closed));
  backend->unwatch(pipe.reader.get(), Ready::peer_closed);
}

TEST_P(PortEvents, DoNotMistakeTheOwnShutdownForThePeers) {
  for (Pair (*const make)() : {unix_pair, tcp_pair}) {
    const Pair pair = make();
    ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::both | Ready::peer_closed));
    finish_writing(pair.ours);
    EXPECT_TRUE(is_reported(token, Ready::write));
    EXPECT_TRUE(is_not_reported(token, Ready::peer_closed));
    backend->unwatch(pair.ours.get(), Ready::both | Ready::peer_closed);
  }
}

TEST_P(PortEvents, AreAddedAndTakenAwayLikeDirections) {
  Pair pair = tcp_pair();
  write_all(pair.theirs.get(), "hello");
  kernel().await(pair.ours.get(), POLLIN);
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  EXPECT_TRUE(is_reported_again(Ready::read));
  ASSERT_FALSE(watch(pair.ours, Ready::read, Ready::peer_closed));
  EXPECT_TRUE(is_not_reported(token, Ready::read));
  ASSERT_FALSE(watch(pair.ours, Ready::peer_closed, Ready::read | Ready::peer_closed));
  EXPECT_TRUE(is_reported_again(Ready::read));
  EXPECT_TRUE(is_not_reported(token, Ready::peer_closed));
  pair.theirs.close();
  EXPECT_TRUE(is_reported(token, Ready::read | Ready::peer_closed));
  ASSERT_FALSE(watch(pair.ours, Ready::read | Ready::peer_closed, Ready::write));
  EXPECT_TRUE(is_not_reported(token, Ready::read));
  ASSERT_FALSE(watch(pair.ours, Ready::write, Ready::write | Ready::peer_closed));
  EXPECT_TRUE(is_reported(token, Ready::write | Ready::peer_closed));
  ASSERT_FALSE(watch(pair.ours, Ready::write | Ready::peer_closed, Ready::none));
  EXPECT_TRUE(is_silent(token));
  backend->unwatch(pair.ours.get(), Ready::none);
}

TEST_P(PortEvents, ReportUrgentDataAsPriority) {
  RONDO_NEEDS(urgent_data);
  const Pair pair = tcp_pair();
  const std::error_code refusal = watch(pair.ours, Ready::none, Ready::priority);
  if (refusal == std::errc::operation_not_supported) GTEST_SKIP() << "this poller lacks it";
  ASSERT_FALSE(refusal);
  write_all(pair.theirs.get(), "hello");
  kernel().await(pair.ours.get(), POLLIN);
  EXPECT_TRUE(is_not_reported(token, Ready::priority)) << "common data is not awaited";
  ASSERT_EQ(::send(pair.theirs.get(), "!", 1, MSG_OOB), 1);
  EXPECT_TRUE(is_reported_again(Ready::priority));
  char urgent = 0;
  ASSERT_EQ(::recv(pair.ours.get(), &urgent, 1, MSG_OOB), 1);
  EXPECT_EQ(urgent, '!');
  EXPECT_TRUE(is_not_reported(token, Ready::priority));
  ASSERT_FALSE(watch(pair.ours, Ready::priority, Ready::read | Ready::priority));
  EXPECT_TRUE(is_reported_again(Ready::read));
  backend->unwatch(pair.ours.get(), Ready::read | Ready::priority);
}

TEST_P(PortEvents, OfPriorityAloneIncludeTheHangUp) {
  Pair pair = unix_pair();
  if (watch(pair.ours, Ready::none, Ready::priority) == std::errc::operation_not_supported)
    GTEST_SKIP() << "this poller lacks it";
  EXPECT_TRUE(is_silent(token));
  pair.theirs.close();
  EXPECT_TRUE(is_reported(token, Ready::priority));
  backend->unwatch(pair.ours.get(), Ready::priority);
}

/// The same through a reactor.
class WatchedEvents : public ReactorOnEveryBackend {};
RONDO_ON_EVERY_BACKEND(WatchedEvents);

TEST_P(WatchedEvents, ReachAHandlerThatDoesNotRead) {
  Pair pair = tcp_pair();
  RecordingHandler handler;
  Watch watch = reactor.watch(pair.ours.get(), Ready::read, handler).value();
  write_all(pair.theirs.get(), "hello");
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > 0; }));
  watch.set(Ready::peer_closed);  // it pauses
  handler.seen = Ready::none;
  run_turns(reactor, 5);
  EXPECT_EQ(handler.seen, Ready::none);
  pair.theirs.close();
  EXPECT_TRUE(run_until(reactor, [&] { return handler.seen == Ready::peer_closed; }));
  EXPECT_EQ(read_all(pair.ours.get()), "hello");
  watch.set(Ready::read | Ready::peer_closed);
  EXPECT_TRUE(run_until(reactor, [&] { return can_read(handler.seen); }));
}

TEST_P(WatchedEvents, AreNoLongerReportedAfterTheInterestHasGone) {
  Pair pair = tcp_pair();
  RecordingHandler handler;
  Watch watch = reactor.watch(pair.ours.get(), Ready::read | Ready::peer_closed, handler).value();
  pair.theirs.close();
  EXPECT_TRUE(run_until(reactor, [&] { return has_peer_closed(handler.seen); }));
  watch.set(Ready::write);
  handler.seen = Ready::none;
  run_turns(reactor, 5);
  EXPECT_EQ(handler.seen, Ready::write);
}

}  // namespace
}  // namespace rondo::test
