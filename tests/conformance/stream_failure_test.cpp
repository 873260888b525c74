// SPDX-License-Identifier: MIT
// Each call that a stream makes fails once, with each errno that its man page names: a clear reason
// and nothing left behind, or no harm where the call is to be made again.
#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <rondo/server.h>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

class StreamFailures : public StreamsOnEveryBackend {
 protected:
  static bool is_reset(int error) {
    return error == EPIPE || error == ECONNRESET || error == ENOTCONN || error == ECONNABORTED;
  }
  static CloseReason reason_of(int error) {
    if (is_reset(error)) return CloseReason::reset;
    return error == ETIMEDOUT ? CloseReason::timed_out : CloseReason::error;
  }
  void open(Pair pair, const StreamOptions& options = {}) {
    stream.reset();
    recorder = {};
    peer = std::move(pair.theirs);
    stream = adopt(std::move(pair.ours), recorder, options);
    run_on();
  }
  static bool breaks_connection(int error) {
    return is_reset(error) || error == ETIMEDOUT || error == EHOSTUNREACH;
  }
  /// For what ends the stream, at the latest when the peer leaves too.
  void expect_failure(int error) {
    run_on();
    if (recorder.closes == 0) {
      EXPECT_TRUE(breaks_connection(error)) << "what is no fault of the peer's ends at once";
      EXPECT_FALSE(stream->is_writable());
      peer.close();
    }
    EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
    EXPECT_EQ(recorder.reason, reason_of(error)) << recorder.message;
    EXPECT_EQ(recorder.error.value(), error) << recorder.message;
    EXPECT_EQ(stream->unsent_bytes(), 0u);
    stream.reset();
    EXPECT_FALSE(reactor.alive());
  }

  StreamRecorder recorder;
  Fd peer;
  std::unique_ptr<Stream> stream;
};
RONDO_ON_EVERY_BACKEND(StreamFailures);

TEST_P(StreamFailures, OfRead) {
  for (const int error : {EBADF, EFAULT, EINVAL, EIO, ENOMEM, ENOBUFS, ECONNRESET, ECONNREFUSED,
                          ENOTCONN, ETIMEDOUT, EHOSTUNREACH, ENETDOWN, EPIPE}) {
    SCOPED_TRACE(error);
    open(unix_pair());
    net.fail("read", error);
    write_all(peer.get(), "x");
    EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
    expect_failure(error);
    EXPECT_EQ(recorder.received, "");
  }
}

TEST_P(StreamFailures, ReadThatIsToBeMadeAgainIs) {
  for (const int error : {EAGAIN, EINTR}) {
    open(unix_pair());
    net.fail("read", error);
    write_all(peer.get(), "hello");
    EXPECT_TRUE(runs_until([&] { return recorder.received == "hello"; }));
    stream.reset();
  }
}

constexpr int write_errors[] = {EBADF,    ECONNRESET, EFAULT, EINVAL,   EIO,          EFBIG,
                                EDQUOT,   ENOSPC,     EPERM,  EPIPE,    ENOBUFS,      ENOMEM,
                                ENOTCONN, ETIMEDOUT,  EACCES, EMSGSIZE, EHOSTUNREACH, ENETDOWN};

TEST_P(StreamFailures, OfAWriteThatAnswers) {
  for (const int error : write_errors) {
    SCOPED_TRACE(error);
    open(unix_pair());
    recorder.on_data_then = [](Stream& one, Bytes data) { one.write(data); };
    net.fail("write", error);
    write_all(peer.get(), "x");
    EXPECT_TRUE(runs_until([&] { return recorder.calls == 1; }));
    expect_failure(error);
  }
}

// In good order it would take a part of the output for the whole.
TEST_P(StreamFailures, ThatLoseOutputResetThePeer) {
  open(tcp_pair());
  recorder.on_data_then = [](Stream& one, Bytes data) { one.write(data); };
  net.fail("write", ENOBUFS);
  write_all(peer.get(), "x");
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_TRUE(runs_until([&] { return read_result(peer.get()) != -EAGAIN; }));
  EXPECT_EQ(write_result(peer.get()), -EPIPE) << "the read has reported the reset";
}

TEST_P(StreamFailures, OfALargeWriteInsideAndOutside) {
  for (const bool inside : {false, true}) {
    for (const int error : write_errors) {
      SCOPED_TRACE(error);
      open(unix_pair());
      const std::string text(50'000, 'x');
      net.fail("write", error);
      net.fail("writev", error);
      if (inside) {
        recorder.on_data_then = [&](Stream& one, Bytes data) {
          one.write(data);
          EXPECT_EQ(one.write(text), WriteStatus::refused);
          EXPECT_EQ(one.write("more"), WriteStatus::refused);
        };
        write_all(peer.get(), "x");
        EXPECT_TRUE(runs_until([&] { return recorder.calls == 1; }));
      } else {
        EXPECT_EQ(stream->write(text), WriteStatus::refused);
      }
      net.fail("write", 0, 0);
      net.fail("writev", 0, 0);
      expect_failure(error);
    }
  }
}

TEST_P(StreamFailures, OfAWriteAtTheEndOfTheTurn) {
  for (const bool closes : {false, true}) {
    for (const int error : write_errors) {
      SCOPED_TRACE(error);
      open(unix_pair());
      net.fail("write", error);
      stream->write("small");
      if (closes) stream->close();
      expect_failure(error);
    }
  }
}

TEST_P(StreamFailures, OfAFlush) {
  for (const int error : write_errors) {
    SCOPED_TRACE(error);
    open(unix_pair());
    recorder.on_data_then = [](Stream& one, Bytes data) {
      one.write(data);
      one.flush();
      one.write(data);
      one.shutdown_output();
    };
    net.fail("write", error);
    write_all(peer.get(), "x");
    EXPECT_TRUE(runs_until([&] { return recorder.calls == 1; }));
    expect_failure(error);
  }
}

TEST_P(StreamFailures, WritesThatAreToBeMadeAgainAre) {
  for (const int error : {EAGAIN, EINTR}) {
    for (const char* const call : {"write", "writev"}) {
      SCOPED_TRACE(call);
      open(unix_pair());
      recorder.on_data_then = [](Stream& one, Bytes data) { one.write(data); };
      net.fail(call, error);
      write_all(peer.get(), "in ");
      EXPECT_EQ(read_by_peer(peer, 3), "in ");
      net.fail(call, error);
      stream->write("out ");
      stream->write(std::string(10'000, 'x'));
      EXPECT_EQ(read_by_peer(peer, 10'004), "out " + std::string(10'000, 'x'));
    }
  }
}

TEST_P(StreamFailures, OfWriteFile) {
  for (const int error : write_errors) {
    SCOPED_TRACE(error);
    Pipe pipe = make_pipe();
    open({std::move(pipe.writer), std::move(pipe.reader)});
    net.fail("write_file", error);
    stream->write("x");
    EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
    expect_failure(error);
  }
}

TEST_P(StreamFailures, OfSendFile) {
  for (const int error : {EBADF, EFAULT, EINVAL, EIO, ENOMEM, EOVERFLOW, ESPIPE, EPIPE, ENOTCONN}) {
    SCOPED_TRACE(error);
    open(unix_pair());
    net.fail("send_file", error);
    stream->send_file(File::open("/proc/self/exe").value(), 0, 1000);
    stream->write("after it");
    expect_failure(error);
  }
}

TEST_P(StreamFailures, SendFileThatIsToBeMadeAgainIs) {
  open(unix_pair());
  net.fail("send_file", EAGAIN);
  stream->send_file(File::open("/proc/self/exe").value(), 1, 3);
  EXPECT_EQ(read_by_peer(peer, 3), "ELF");
}

TEST_P(StreamFailures, OfShutdown) {
  for (const int error : {EBADF, EINVAL, ENOTCONN, ENOTSOCK, ENOBUFS}) {
    SCOPED_TRACE(error);
    open(unix_pair());
    net.fail("shutdown", error);
    stream->shutdown_output();
    run_on();
    peer.close();
    EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
    stream.reset();
    open(unix_pair(), {.lingering_close = LingeringClose::always});
    net.fail("shutdown", error);
    stream->close();
    run_on();
    peer.close();
    EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
    stream.reset();
  }
}

TEST_P(StreamFailures, OfTheResetOfAbort) {
  open(unix_pair());
  net.fail("set_option", ENOBUFS);
  stream->abort();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.reason, CloseReason::aborted);
}

TEST_P(StreamFailures, OfTheQuestionWhatItIs) {
  for (const int error : {ENOBUFS, ENOMEM, EACCES}) {
    Pair pair = unix_pair();
    net.fail("option", error);
    const auto made = Stream::adopt(reactor, Socket{net, pair.ours.release()}, recorder);
    ASSERT_FALSE(made) << "not taken for a file";
    EXPECT_EQ(made.error().code.value(), error);
    EXPECT_EQ(read_result(pair.theirs.get()), 0) << "closed";
  }
}

TEST_P(StreamFailures, OfAPipeThatCannotBeMadeNonblocking) {
  Pipe pipe = make_pipe();
  net.fail("set_nonblocking", ENOLCK);
  const auto made = Stream::adopt(reactor, Socket{net, pipe.reader.release()}, recorder);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code.value(), ENOLCK);
}

TEST_P(StreamFailures, OfTheWatch) {
  Pair pair = unix_pair();
  spy.fail_watch = {.times = 1, .error = std::make_error_code(std::errc::not_enough_memory)};
  const auto made = Stream::adopt(reactor, Socket{net, pair.ours.release()}, recorder);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), std::errc::not_enough_memory);
  EXPECT_FALSE(reactor.alive());
}

TEST_P(StreamFailures, OfTheWatchOfAServersClient) {
  auto server =
      serve(reactor, "127.0.0.1:0", [](Stream& one, Bytes data) { one.write(data); }).value();
  spy.fail_watch = {.times = 1, .error = std::make_error_code(std::errc::not_enough_memory)};
  const Fd first = tcp_connecting(server.local_endpoint().port());
  EXPECT_TRUE(runs_until([&] { return server.counters().failed == 1; }));
  EXPECT_EQ(server.connections(), 0u);
  const Fd second = tcp_connecting(server.local_endpoint().port());
  EXPECT_TRUE(runs_until([&] { return server.connections() == 1; }));
  EXPECT_EQ(server.counters().accepted, 1u);
}

// A change that the poller refuses is tried again later, so that no stream hangs.
TEST_P(StreamFailures, OfAChangeOfInterest) {
  open(unix_pair());
  const std::size_t filled = fill_until_full(stream->fd());
  spy.fail_watch = {.times = 2, .error = std::make_error_code(std::errc::not_enough_memory)};
  const std::string text = numbered_text(100'000);
  stream->write(text);
  EXPECT_EQ(read_by_peer(peer, filled + text.size()).substr(filled), text);
}

}  // namespace
}  // namespace rondo::test
