// SPDX-License-Identifier: MIT
// The deadlines of streams, in virtual time: never early, and no more than the step that is
// documented late.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rondo/reactor.h>
#include <rondo/server.h>
#include <rondo/stream.h>
#include <rondo/timer.h>

#include "support/stream_deadlines.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

TEST_F(StreamDeadlines, IdleEndsASilentStream) {
  open({.idle_timeout = 5s});
  expect_end(5s, "idle timeout");
}

TEST_F(StreamDeadlines, IdleIsTouchedByWhatComes) {
  open({.idle_timeout = 5s});
  at(4s, [this] { say("x"); });
  at(8s, [this] { say("x"); });
  expect_end(13s, "idle timeout");
}

TEST_F(StreamDeadlines, IdleIsTouchedByWhatLeaves) {
  open({.idle_timeout = 5s});
  at(4s, [this] { stream->write("small"); });
  at(8s, [this] { stream->write(std::string(50'000, 'x')); });
  at(12s, [this] {
    stream->write("flushed");
    stream->flush();
  });
  expect_end(17s, "idle timeout");
}

TEST_F(StreamDeadlines, IdleIsNotTouchedByWhatWaits) {
  fill_until_full(pair.ours.get());
  open({.idle_timeout = 5s});
  at(4s, [this] { stream->write("stays here"); });
  expect_end(5s, "idle timeout");
}

TEST_F(StreamDeadlines, ReadCountsOnlyWhileReading) {
  open({.read_timeout = 5s});
  at(4s, [this] { say("x"); });
  at(8s, [this] { stream->pause(); });
  at(100s, [this] { stream->resume(); });
  expect_end(105s, "read timeout");
}

TEST_F(StreamDeadlines, ReadEndsWithTheInput) {
  recorder.on_end_then = [](Stream&) {};
  open({.read_timeout = 5s, .lifetime = 60s});
  at(1s, [this] { ASSERT_EQ(::shutdown(pair.theirs.get(), SHUT_WR), 0); });
  expect_end(60s, "lifetime");
}

TEST_F(StreamDeadlines, ReadIsNotTouchedByWhatLeaves) {
  open({.read_timeout = 5s});
  at(4s, [this] { stream->write("small"); });
  expect_end(5s, "read timeout");
}

TEST_F(StreamDeadlines, WriteCountsFromTheLastProgress) {
  const std::size_t filled = fill_until_full(pair.ours.get());
  open({.write_timeout = 5s});
  at(1s, [this] { stream->write(std::string(2'000'000, 'x')); });
  at(5s, [this, filled] { EXPECT_GE(read_all(pair.theirs.get()).size(), filled); });
  expect_end(10s, "write timeout");
}

TEST_F(StreamDeadlines, WriteDoesNotCountWhileAPipeHasNothingToSend) {
  Pipe source = make_pipe();
  open({.write_timeout = 5s, .lifetime = 60s});
  at(1s, [&] { stream->send_file(File{source.reader.release()}, 0, to_end_of_file); });
  at(3s, [&] { stream->write("after"); });
  at(10s, [&] { stream->set_options({.write_timeout = 5s, .lifetime = 50s}); });
  at(20s, [&] { write_all(source.writer.get(), "late "); });
  at(40s, [&] { source.writer.close(); });
  expect_end(60s, "lifetime");
  EXPECT_EQ(read_all(pair.theirs.get()), "late after");
}

TEST_F(StreamDeadlines, WriteCountsFromWhenAPipeHasSomethingToSend) {
  for (const bool is_known_first : {false, true}) {
    SCOPED_TRACE(is_known_first);
    recorder.closes = 0;
    pair = unix_pair();
    Pipe source = make_pipe();
    fill_until_full(pair.ours.get());
    open({.write_timeout = 5s, .lifetime = 60s});
    at(1s, [&] { stream->send_file(File{source.reader.release()}, 0, to_end_of_file); });
    at(20s, [&] {
      write_all(source.writer.get(), "late");
      if (is_known_first) stream->write("after");  // reads the pipe before the poller reports it
    });
    expect_end(25s, "write timeout");
  }
}

TEST_F(StreamDeadlines, WriteDoesNotCountWithoutOutput) {
  open({.write_timeout = 5s, .lifetime = 60s});
  at(1s, [this] { stream->write("leaves at once"); });
  at(2s, [this] { stream->write_owned(OwnedBytes{std::string(5'000, 'x')}); });
  expect_end(60s, "lifetime");
}

TEST_F(StreamDeadlines, WriteDoesNotCountAfterTheOutputHasFailed) {
  fill_until_full(pair.ours.get());
  open({.write_timeout = 5s, .lifetime = 60s});
  stream->write("queued");
  at(1s, [this] {
    ASSERT_EQ(::shutdown(pair.theirs.get(), SHUT_RD), 0);
    read_all(pair.theirs.get());
  });
  at(2s, [this] {
    EXPECT_FALSE(stream->is_writable());
    EXPECT_TRUE(stream->is_reading());
  });
  expect_end(60s, "lifetime");
}

TEST_F(StreamDeadlines, OfZeroPassAtOnce) {
  const std::pair<StreamOptions, std::string_view> cases[] = {
      {{.idle_timeout = 0s}, "idle timeout"},
      {{.read_timeout = 0s}, "read timeout"},
      {{.lifetime = 0s}, "lifetime"},
  };
  for (const auto& [options, what] : cases) {
    recorder.closes = 0;
    pair = unix_pair();
    open(options);
    expect_end(0s, what);
  }
}

TEST_F(StreamDeadlines, LifetimeEndsWhateverHappens) {
  open({.idle_timeout = 5s, .lifetime = 20s});
  for (int i = 1; i < 30; ++i) {
    at(i * 1s, [this] {
      if (recorder.closes == 0) say("x");
    });
  }
  expect_end(20s, "lifetime");
}

TEST_F(StreamDeadlines, CloseHasItsOwn) {
  fill_until_full(pair.ours.get());
  open({.close_timeout = 7s});
  at(1s, [this] {
    stream->write("stays here");
    stream->close();
  });
  expect_end(8s, "close timeout");
}

TEST_F(StreamDeadlines, CloseTakesOneOfTheCall) {
  fill_until_full(pair.ours.get());
  open({.close_timeout = 7s});
  at(1s, [this] {
    stream->write("stays here");
    stream->close(3s);
  });
  expect_end(4s, "close timeout");
}

TEST_F(StreamDeadlines, CloseWithinNoTimeClosesIfNothingIsQueued) {
  open({});
  at(1s, [this] { stream->close(0s); });
  expect_end(1s, "", CloseReason::closed);
}

TEST_F(StreamDeadlines, CloseWithinNoTimeDropsWhatIsQueued) {
  fill_until_full(pair.ours.get());
  open({});
  at(1s, [this] {
    stream->write("stays here");
    stream->close(0s);
  });
  expect_end(1s, "close timeout");
}

TEST_F(StreamDeadlines, ReadDoesNotCountWhileTheOutputIsFull) {
  fill_until_full(pair.ours.get());
  open({.read_timeout = 5s, .write_high_water = 10, .pause_reading_when_full = true});
  at(1s, [this] { stream->write("more than ten bytes"); });
  at(20s, [this] { read_all(pair.theirs.get()); });
  expect_end(25s, "read timeout");
}

TEST_F(StreamDeadlines, PausingWhenFullIsSwitchedAtOnce) {
  fill_until_full(pair.ours.get());
  StreamOptions options{.lifetime = 60s, .write_high_water = 10};
  open(options);
  at(1s, [this] { stream->write("more than ten bytes"); });
  at(2s, [this, &options] {
    options.pause_reading_when_full = true;
    stream->set_options(options);
    say("x");
  });
  at(3s, [this, &options] {
    EXPECT_EQ(recorder.received, "");
    options.pause_reading_when_full = false;
    stream->set_options(options);
  });
  at(4s, [this] {
    EXPECT_EQ(recorder.received, "x");
    stream->abort();
  });
  expect_end(4s, "", CloseReason::aborted);
}

TEST_F(StreamDeadlines, WriteOfZeroOffersTheOutputFirst) {
  open({.write_timeout = 0s, .lifetime = 60s});
  at(1s, [this] { EXPECT_EQ(stream->write("leaves at once"), WriteStatus::accepted); });
  expect_end(60s, "lifetime");
  EXPECT_EQ(read_all(pair.theirs.get()), "leaves at once");
}

TEST_F(StreamDeadlines, LingeringEndsQuietly) {
  open({.idle_timeout = 2s, .close_timeout = 7s, .lingering_close = LingeringClose::always});
  at(1s, [this] { stream->close(); });
  run();
  EXPECT_EQ(recorder.closes, 1);
  EXPECT_EQ(recorder.reason, CloseReason::closed) << recorder.message;
  EXPECT_FALSE(recorder.error);
}

TEST_F(StreamDeadlines, NewOptionsCountFromNow) {
  open({.idle_timeout = 5s, .lifetime = 6s});
  at(4s, [this] { stream->set_options({.idle_timeout = 3s, .lifetime = 30s}); });
  expect_end(7s, "idle timeout");
}

TEST_F(StreamDeadlines, WhatIsTakenBackNeverComes) {
  const std::size_t filled = fill_until_full(pair.ours.get());
  open({.idle_timeout = 5s, .read_timeout = 5s, .write_timeout = 5s, .lifetime = 5s});
  at(1s, [this] { stream->write("stays here"); });
  at(4s, [this] { stream->set_options({}); });
  at(10s, [this] { say("x"); });
  at(20s, [this] {
    stream->pause();
    stream->resume();
  });
  at(30s, [this, filled] { EXPECT_EQ(read_all(pair.theirs.get()).size(), filled); });
  at(50s, [this] { stream->abort(); });
  expect_end(50s, "", CloseReason::aborted);
}

TEST_F(StreamDeadlines, AWriteTimeoutMayBeSetWhileOutputWaits) {
  fill_until_full(pair.ours.get());
  open({});
  at(1s, [this] { stream->write("stays here"); });
  at(4s, [this] { stream->set_options({.write_timeout = 5s}); });
  at(60s, [this] { stream->abort(); });
  run();
  EXPECT_EQ(recorder.what, "write timeout");
  EXPECT_LE(closed_at - started_at, 9s + step);
}

TEST_F(StreamDeadlines, ManyWithManyTimeoutsEndInTheirOrder) {
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<Fd> peers;
  std::vector<int> ended;
  struct Numbered final : StreamHandler {
    void on_data(Stream&, Bytes) override {}
    void on_close(Stream&, const Close&) override { ended->push_back(number); }
    int number = 0;
    std::vector<int>* ended = nullptr;
  };
  std::vector<Numbered> handlers(100);
  for (int i = 0; i < 100; ++i) {
    const int order = i * 37 % 100;
    Pair one = unix_pair();
    Numbered& handler = handlers[static_cast<std::size_t>(i)];
    handler.number = order;
    handler.ended = &ended;
    streams.push_back(Stream::adopt(*reactor, Socket{net, one.ours.release()}, handler,
                                    {.idle_timeout = 1s + order * 10ms})
                          .value());
    peers.push_back(std::move(one.theirs));
  }
  run();
  ASSERT_EQ(ended.size(), 100u);
  EXPECT_TRUE(std::is_sorted(ended.begin(), ended.end()));
}

TEST_F(StreamDeadlines, AServersDrainAbortsAtItsDeadline) {
  struct Deaf final : Session {
    void on_data(Stream&, Bytes) override {}
    void on_drain(Stream&) override {}
  };
  const std::string name = "unix:@rondo-deadline-" + std::to_string(::getpid());
  auto server = serve<Deaf>(*reactor, name).value();
  auto client = Socket::connect(system_net(), server.local_endpoint()).value();
  started_at = reactor->now();
  at(1s, [&] { server.drain(5s); });
  TimePoint ended{};
  run();
  ended = reactor->now();
  EXPECT_EQ(server.connections(), 0u);
  EXPECT_EQ(ended - started_at, Duration{6s});
}

TEST_F(StreamDeadlines, WriteCountsFromWhenItIsSet) {
  fill_until_full(pair.ours.get());
  open({.write_timeout = 50s});
  at(1s, [this] { stream->write("waits"); });
  at(20s, [this] { stream->set_options({.write_timeout = 5s}); });
  expect_end(25s, "write timeout");
}

}  // namespace
}  // namespace rondo::test
