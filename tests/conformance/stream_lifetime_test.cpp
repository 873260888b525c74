// SPDX-License-Identifier: MIT
// Streams may be destroyed, released and left by an exception in each of their calls.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

/// A stream that is brought into each of its calls, one after the other.
class StreamLifetime : public StreamsOnEveryBackend {
 protected:
  enum class Callback { on_open, on_data, on_end, on_writable, on_close };
  static constexpr Callback callbacks[] = {Callback::on_open, Callback::on_data, Callback::on_end,
                                           Callback::on_writable, Callback::on_close};

  struct Guinea {
    StreamRecorder recorder;
    std::unique_ptr<Stream> stream;
    Fd peer;
    int reached = 0;
  };

  /// Has `action` done in that call, and only there, as the first thing.
  std::unique_ptr<Guinea> make(Callback callback, std::function<void(Guinea&)> action) {
    Pair pair = unix_pair();
    auto guinea = std::make_unique<Guinea>();
    Guinea& one = *guinea;
    const auto act = [&one, action](Stream&) {
      if (one.reached++ == 0) action(one);
    };
    StreamRecorder& recorder = guinea->recorder;
    if (callback == Callback::on_open) recorder.on_open_then = act;
    if (callback == Callback::on_data) recorder.on_data_then = [act](Stream& s, Bytes) { act(s); };
    if (callback == Callback::on_end) recorder.on_end_then = act;
    if (callback == Callback::on_writable) recorder.on_writable_then = act;
    if (callback == Callback::on_close) recorder.on_close_then = act;
    guinea->peer = std::move(pair.theirs);
    guinea->stream = adopt(std::move(pair.ours), recorder, {.write_high_water = 10});
    return guinea;
  }
  void provoke(Callback callback, Guinea& guinea) {
    switch (callback) {
      case Callback::on_open:
        return;
      case Callback::on_data:
        return write_all(guinea.peer.get(), "hello");
      case Callback::on_end:
        return guinea.peer.close();
      case Callback::on_writable:
        EXPECT_EQ(guinea.stream->write("more than ten bytes"), WriteStatus::above_high_water);
        return;
      case Callback::on_close:
        return guinea.stream->abort();
    }
  }
};
RONDO_ON_EVERY_BACKEND(StreamLifetime);

TEST_P(StreamLifetime, AStreamMayBeDestroyedInEachOfItsCalls) {
  for (const Callback callback : callbacks) {
    SCOPED_TRACE(static_cast<int>(callback));
    const auto guinea = make(callback, [](Guinea& one) { one.stream.reset(); });
    provoke(callback, *guinea);
    EXPECT_TRUE(runs_until([&] { return guinea->reached > 0; }));
    run_on();
    EXPECT_EQ(guinea->reached, 1);
    EXPECT_EQ(guinea->recorder.closes, callback == Callback::on_close ? 1 : 0);
    EXPECT_FALSE(reactor.alive());
  }
}

TEST_P(StreamLifetime, ACallMayWriteAndThenDestroyItsStream) {
  for (const Callback callback : callbacks) {
    SCOPED_TRACE(static_cast<int>(callback));
    const auto guinea = make(callback, [](Guinea& one) {
      one.stream->write("a little");
      one.stream->write(std::string(100'000, 'x'));
      one.stream->write_owned(OwnedBytes{std::string(100'000, 'y')});
      one.stream.reset();
    });
    provoke(callback, *guinea);
    EXPECT_TRUE(runs_until([&] { return guinea->reached > 0; }));
    run_on();
    EXPECT_FALSE(reactor.alive());
  }
}

TEST_P(StreamLifetime, ACallMayDestroyAllOtherStreams) {
  for (const Callback callback : callbacks) {
    SCOPED_TRACE(static_cast<int>(callback));
    std::vector<std::unique_ptr<Guinea>> crowd;
    for (int i = 0; i < 20; ++i) {
      crowd.push_back(make(callback, [&crowd](Guinea& called) {
        for (auto& one : crowd)
          if (one.get() != &called) one->stream.reset();
      }));
    }
    for (auto& one : crowd) provoke(callback, *one);
    EXPECT_TRUE(runs_until([&] {
      for (const auto& one : crowd)
        if (one->reached > 0) return true;
      return false;
    }));
    run_on();
    int reached = 0;
    for (const auto& one : crowd) reached += one->reached;
    EXPECT_EQ(reached, 1);
  }
}

TEST_P(StreamLifetime, AnExceptionLeavesThroughRunAndAbortsItsStreamAlone) {
  for (const Callback callback : callbacks) {
    SCOPED_TRACE(static_cast<int>(callback));
    const auto guinea = make(callback, [](Guinea&) { throw std::runtime_error{"a user's"}; });
    Pair other = unix_pair();
    StreamRecorder neighbour;
    neighbour.on_data_then = [](Stream& stream, Bytes data) { stream.write(data); };
    const auto unharmed = adopt(std::move(other.ours), neighbour);
    provoke(callback, *guinea);
    EXPECT_THROW(EXPECT_FALSE(runs_until([] { return false; })), std::runtime_error);
    EXPECT_TRUE(runs_until([&] { return guinea->recorder.closes > 0; }));
    run_on();
    EXPECT_EQ(guinea->recorder.closes, 1);
    EXPECT_EQ(guinea->recorder.reason, CloseReason::aborted);
    EXPECT_EQ(guinea->stream->fd(), -1);
    write_all(other.theirs.get(), "still there?");
    EXPECT_EQ(read_by_peer(other.theirs, 12), "still there?");
  }
}

TEST_P(StreamLifetime, AnExceptionAfterTheStreamIsGoneLeavesThroughRun) {
  for (const Callback callback : callbacks) {
    SCOPED_TRACE(static_cast<int>(callback));
    const auto guinea = make(callback, [](Guinea& one) {
      one.stream.reset();
      throw std::runtime_error{"a user's"};
    });
    provoke(callback, *guinea);
    EXPECT_THROW(EXPECT_FALSE(runs_until([] { return false; })), std::runtime_error);
    run_on();
    EXPECT_FALSE(reactor.alive());
  }
}

TEST_P(StreamLifetime, WhatWasDueBesideAnExceptionComesLater) {
  std::vector<std::unique_ptr<Guinea>> crowd;
  int thrown = 0;
  for (int i = 0; i < 10; ++i) {
    crowd.push_back(
        make(Callback::on_close, [](Guinea&) { throw std::runtime_error{"a user's"}; }));
    crowd.back()->stream->abort();
  }
  while (thrown < 10) {
    try {
      run_on();
      break;
    } catch (const std::runtime_error&) {
      ++thrown;
    }
  }
  EXPECT_EQ(thrown, 10);
  run_on();
  for (const auto& one : crowd) EXPECT_EQ(one->recorder.closes, 1);
}

TEST_P(StreamLifetime, AStreamMayEndInEachOfItsCalls) {
  for (const Callback callback : callbacks) {
    for (int way = 0; way < 3; ++way) {
      SCOPED_TRACE(static_cast<int>(callback) * 10 + way);
      const auto guinea = make(callback, [way](Guinea& one) {
        if (way == 0) one.stream->abort();
        if (way == 1) one.stream->close();
        if (way == 2) one.stream->shutdown_output();
      });
      provoke(callback, *guinea);
      EXPECT_TRUE(runs_until([&] { return guinea->reached > 0; }));
      guinea->peer.close();
      EXPECT_TRUE(runs_until([&] { return guinea->recorder.closes > 0; }));
      run_on();
      EXPECT_EQ(guinea->recorder.closes, 1);
      EXPECT_EQ(guinea->stream->fd(), -1);
    }
  }
}

TEST_P(StreamLifetime, AReleasedStreamMakesNoCalls) {
  Pair pair = unix_pair();
  StreamRecorder recorder;
  auto stream = adopt(std::move(pair.ours), recorder);
  Socket socket = stream->release().value();  // before on_open, which is due
  run_on();
  EXPECT_EQ(recorder.opens, 0);
  EXPECT_EQ(recorder.closes, 0);
  EXPECT_EQ(stream->release().error(), std::errc::not_connected);
  EXPECT_EQ(stream->write("nothing"), WriteStatus::refused);
  stream->abort();
  stream->close();
  run_on();
  Stream::close_detached(std::move(stream));
  run_on();
  EXPECT_EQ(recorder.closes, 0);
  write_all(socket.fd(), "alive");
  EXPECT_EQ(read_all(pair.theirs.get()), "alive");
}

TEST_P(StreamLifetime, AStreamMayBeReleasedInEachOfItsCallsButTheLast) {
  for (const Callback callback :
       {Callback::on_open, Callback::on_data, Callback::on_end, Callback::on_writable}) {
    SCOPED_TRACE(static_cast<int>(callback));
    Socket socket;
    const auto guinea = make(callback, [&](Guinea& one) {
      auto released = one.stream->release();
      ASSERT_TRUE(released) << released.error().message();
      socket = std::move(*released);
    });
    provoke(callback, *guinea);
    EXPECT_TRUE(runs_until([&] { return guinea->reached > 0; }));
    run_on();
    EXPECT_EQ(guinea->recorder.closes, 0);
    EXPECT_GE(socket.fd(), 0);
    EXPECT_FALSE(reactor.alive());
  }
}

TEST_P(StreamLifetime, AStreamIsNotReleasedWhileItsOutputWaits) {
  Pair pair = unix_pair();
  StreamRecorder recorder;
  std::error_code inside;
  recorder.on_data_then = [&](Stream& stream, Bytes data) {
    stream.write(data);
    inside = stream.release().error();
  };
  const auto stream = adopt(std::move(pair.ours), recorder);
  stream->write("waits for the end of the turn");
  EXPECT_EQ(stream->release().error(), std::errc::device_or_resource_busy);
  stream->flush();
  write_all(pair.theirs.get(), "x");
  EXPECT_TRUE(runs_until([&] { return recorder.calls > 0; }));
  EXPECT_EQ(inside, std::errc::device_or_resource_busy);
  EXPECT_EQ(read_all(pair.theirs.get()), "waits for the end of the turnx");
  EXPECT_TRUE(stream->release());
}

TEST_P(StreamLifetime, ADescriptorGoesFromStreamToStream) {
  Pair pair = tcp_pair();
  StreamRecorder recorder;
  auto stream = adopt(std::move(pair.ours), recorder);
  for (int i = 0; i < 5; ++i) {
    write_all(pair.theirs.get(), "x");
    EXPECT_TRUE(runs_until([&] { return recorder.calls == i + 1; }));
    Socket socket = stream->release().value();
    stream = Stream::adopt(reactor, std::move(socket), recorder).value();
  }
  EXPECT_EQ(recorder.received, "xxxxx");
}

TEST_P(StreamLifetime, AStreamDestroyedAfterAbortStillResetsThePeer) {
  Pair pair = tcp_pair();
  StreamRecorder recorder;
  auto stream = adopt(std::move(pair.ours), recorder);
  stream->abort();
  stream.reset();
  EXPECT_TRUE(runs_until([&] { return read_result(pair.theirs.get()) != -EAGAIN; }));
  EXPECT_EQ(read_result(pair.theirs.get()), 0) << "the error was taken by the read before";
  EXPECT_EQ(write_result(pair.theirs.get()), -EPIPE) << "at once: it was reset";
}

TEST_P(StreamLifetime, AnotherHandlerTakesOverInTheMiddle) {
  Pair pair = unix_pair();
  StreamRecorder first;
  StreamRecorder second;
  first.on_data_then = [&](Stream& stream, Bytes) { stream.set_handler(second); };
  const auto stream = adopt(std::move(pair.ours), first);
  write_all(pair.theirs.get(), "one");
  EXPECT_TRUE(runs_until([&] { return first.calls == 1; }));
  write_all(pair.theirs.get(), "two");
  pair.theirs.close();
  EXPECT_TRUE(runs_until([&] { return second.closes == 1; }));
  EXPECT_EQ(second.received, "two");
  EXPECT_EQ(first.closes, 0);
}

TEST_P(StreamLifetime, ADescriptorThatCannotBeWatchedIsClosed) {
  RONDO_NEEDS(files);
  StreamRecorder recorder;
  Pipe pipe = make_pipe();
  Fd file{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  if (GetParam().name.starts_with("kqueue")) return;  // which can watch it
  const auto made = Stream::adopt(reactor, Socket{net, file.release()}, recorder);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), std::errc::operation_not_permitted);
  run_on();
  EXPECT_EQ(recorder.closes, 0);
}

// A poller may rely on the close to end the registration, which it does not do then.
TEST_P(StreamLifetime, LeavesThePollerAlsoIfItsSocketIsOpenElsewhere) {
  if (GetParam().name == "sim") GTEST_SKIP() << "a simulated socket cannot be duplicated";
  Pair pair = unix_pair();
  const Fd other{::dup(pair.ours.get())};
  StreamRecorder recorder;
  auto stream = adopt(std::move(pair.ours), recorder);
  run_on();
  stream.reset();
  write_all(pair.theirs.get(), "for the other");
  run_on();
  if (spy.poll_fd() < 0 || GetParam().name.starts_with("kqueue_"))
    GTEST_SKIP() << "no descriptor that can be polled";
  pollfd entry{spy.poll_fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
  EXPECT_LE(spy.reinits, 1);

  // It is not relied on again.
  const int unwatches = spy.unwatches;
  StreamRecorder unheard;
  adopt(unix_pair().ours, unheard).reset();
  EXPECT_EQ(spy.unwatches, unwatches + 1);
}

}  // namespace
}  // namespace rondo::test
