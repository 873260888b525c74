// SPDX-License-Identifier: MIT
// How streams end: half-close both ways, close, abort, reset, and what of the data still arrives.
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

class StreamEnds : public StreamsOnEveryBackend {
 protected:
  void open(Pair pair, const StreamOptions& options = {}) {
    stream.reset();
    recorder = {};
    peer = std::move(pair.theirs);
    stream = adopt(std::move(pair.ours), recorder, options);
  }
  /// Does the same with each family.
  template <typename Test>
  void with_both(Test test, const StreamOptions& options = {}) {
    for (const bool is_tcp : {false, true}) {
      SCOPED_TRACE(is_tcp ? "TCP" : "Unix");
      open(is_tcp ? tcp_pair() : unix_pair(), options);
      test();
    }
  }
  void expect_end(CloseReason reason, std::errc error = {}) {
    EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
    run_on();
    EXPECT_EQ(recorder.closes, 1);
    EXPECT_EQ(recorder.reason, reason) << recorder.message;
    EXPECT_EQ(recorder.error, error) << recorder.message;
    EXPECT_EQ(net.calls("take_error"), 0) << "read and write report the error, and clear it";
    EXPECT_EQ(stream->fd(), -1);
    EXPECT_FALSE(stream->is_reading());
    EXPECT_FALSE(stream->is_writable());
    stream.reset();
    EXPECT_FALSE(reactor.alive());
  }
  void linger_on_end() {
    recorder.on_end_then = [](Stream&) {};
  }

  StreamRecorder recorder;
  Fd peer;
  std::unique_ptr<Stream> stream;
};
RONDO_ON_EVERY_BACKEND(StreamEnds);

TEST_P(StreamEnds, ThePeersEndIsReportedAndOutputGoesOn) {
  with_both([&] {
    linger_on_end();
    write_all(peer.get(), "hello");
    finish_writing(peer);
    EXPECT_TRUE(runs_until([&] { return recorder.ends == 1; }));
    run_on();
    EXPECT_EQ(recorder.received, "hello");
    EXPECT_EQ(recorder.ends, 1);
    EXPECT_EQ(recorder.closes, 0);
    EXPECT_FALSE(stream->is_reading());
    const int waits = spy.waits;
    const std::string text = numbered_text(1'000'000);
    stream->write(text);
    EXPECT_EQ(read_by_peer(peer, text.size()), text);
    EXPECT_LT(spy.waits - waits, 10'000);
    stream->shutdown_output();
    expect_end(CloseReason::eof);
  });
}

TEST_P(StreamEnds, AfterFinishInputGoesOnUntilThePeerFinishes) {
  with_both([&] {
    linger_on_end();
    stream->write("the last word");
    stream->shutdown_output();
    EXPECT_EQ(stream->write("too late"), WriteStatus::refused);
    EXPECT_FALSE(stream->is_writable());
    EXPECT_TRUE(stream->is_reading());
    EXPECT_EQ(read_to_end(peer), "the last word");
    for (int i = 1; i <= 3; ++i) {
      write_all(peer.get(), "x");
      EXPECT_TRUE(runs_until([&] { return recorder.calls == i; }));
    }
    EXPECT_EQ(recorder.closes, 0);
    finish_writing(peer);
    expect_end(CloseReason::eof);
    EXPECT_EQ(recorder.ends, 1);
  });
}

TEST_P(StreamEnds, FinishComesAfterWhatWaits) {
  with_both([&] {
    const std::string text = numbered_text(6'000'000);
    stream->write(text);
    stream->shutdown_output();
    EXPECT_EQ(read_to_end(peer), text);
    EXPECT_EQ(recorder.closes, 0);
    stream->abort();
    expect_end(CloseReason::aborted);
  });
}

TEST_P(StreamEnds, FinishAndCloseInACallComeAfterItsAnswer) {
  for (const bool closes : {false, true}) {
    with_both([&] {
      recorder.on_data_then = [&](Stream& one, Bytes data) {
        one.write(data);
        one.write(data);
        closes ? one.close() : one.shutdown_output();
        EXPECT_EQ(one.write("too late"), WriteStatus::refused);
      };
      write_all(peer.get(), "echo");
      EXPECT_EQ(read_to_end(peer), "echoecho");
      peer.close();
      expect_end(closes ? CloseReason::closed : CloseReason::eof);
    });
  }
}

TEST_P(StreamEnds, AnEndThatIsNotHandledCloses) {
  with_both([&] {
    write_all(peer.get(), "bye");
    peer.close();
    expect_end(CloseReason::eof);
    EXPECT_EQ(recorder.received, "bye");
    EXPECT_EQ(recorder.ends, 1);
    EXPECT_EQ(recorder.message, "eof");
  });
}

TEST_P(StreamEnds, AFullFarewellOfThePeerIsAnsweredWholly) {
  with_both([&] {
    const std::string text = numbered_text(3'000'000);
    recorder.on_end_then = [&](Stream& one) {
      one.write(text);
      one.close();
    };
    finish_writing(peer);
    EXPECT_EQ(read_to_end(peer), text);
    expect_end(CloseReason::eof);
  });
}

TEST_P(StreamEnds, CloseDrains) {
  with_both([&] {
    const std::string text = numbered_text(6'000'000);
    stream->write(text);
    stream->close();
    stream->close();
    EXPECT_EQ(recorder.closes, 0) << "never from inside a call of the stream";
    EXPECT_EQ(read_to_end(peer), text);
    peer.close();
    EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
    EXPECT_NE(recorder.reason, CloseReason::timed_out);
    stream.reset();
    EXPECT_EQ(recorder.opens, 0) << "it was closed before";
  });
}

// To close with unread input makes TCP reset the peer, which then loses data that it has not read.
TEST_P(StreamEnds, WithUnreadInputThePeerStillGetsTheWholeAnswer) {
  for (const LingeringClose linger : {LingeringClose::if_unread, LingeringClose::always}) {
    with_both(
        [&] {
          run_on();
          const std::string text = numbered_text(200'000);
          recorder.on_data_then = [&](Stream& one, Bytes) {
            one.write(text);
            one.close();
          };
          write_all(peer.get(), std::string(100'000, 'b'));  // the first read gets a part
          EXPECT_EQ(read_to_end(peer), text);
          EXPECT_EQ(recorder.closes, 0) << "it lingers";
          write_all(peer.get(), std::string(50'000, 'b'));
          peer.close();
          expect_end(CloseReason::closed);
          EXPECT_EQ(recorder.calls, 1);
        },
        {.lingering_close = linger});
  }
}

TEST_P(StreamEnds, ALingererIsNotFedForEver) {
  open(tcp_pair(), {.close_timeout = forever, .lingering_close = LingeringClose::always});
  run_on();
  stream->close();
  const std::string block(1'000'000, 'x');
  std::size_t fed = 0;
  EXPECT_TRUE(runs_until([&] {
    const long count = write_some(peer.get(), block);
    if (count > 0) fed += static_cast<std::size_t>(count);
    return recorder.closes > 0;
  }));
  EXPECT_LT(fed, 40'000'000u);
  expect_end(CloseReason::closed);
}

TEST_P(StreamEnds, AbortResetsATcpPeer) {
  open(tcp_pair());
  run_on();
  stream->write("lost");
  stream->abort();
  stream->abort();
  EXPECT_EQ(recorder.closes, 0) << "never from inside a call of the stream";
  EXPECT_EQ(stream->write("nothing"), WriteStatus::refused);
  EXPECT_EQ(stream->unsent_bytes(), 0u);
  expect_end(CloseReason::aborted);
  long result = -EAGAIN;
  EXPECT_TRUE(runs_until([&] { return (result = read_result(peer.get())) != -EAGAIN; }));
  EXPECT_EQ(result, -ECONNRESET);
}

// After a reset, data that arrived before it can still be read: read before acting on a hang-up.
TEST_P(StreamEnds, DataBeforeAResetIsDeliveredFirst) {
  open(tcp_pair());
  write_all(peer.get(), "five!");
  close_with_reset(peer);
  expect_end(CloseReason::reset, std::errc::connection_reset);
  EXPECT_EQ(recorder.received, "five!");
  EXPECT_EQ(recorder.ends, 0);
}

TEST_P(StreamEnds, DataBeforeAResetIsDeliveredThoughItIsAnswered) {
  open(tcp_pair());
  recorder.on_data_then = [](Stream& one, Bytes data) {
    one.write(data);
    one.flush();
    one.write(data);
  };
  write_all(peer.get(), "five!");
  close_with_reset(peer);
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.received, "five!");
  EXPECT_EQ(recorder.reason, CloseReason::reset);
}

TEST_P(StreamEnds, AFailedWriteDoesNotHideWhatThePeerSaidBefore) {
  with_both([&] {
    run_on();
    const std::string text = numbered_text(20'000);
    write_all(peer.get(), text);
    close_with_reset(peer);
    for (int i = 0; i < 3; ++i) {  // the first may be taken
      stream->write("into the void");
      stream->flush();
    }
    EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
    EXPECT_EQ(recorder.received, text);
    EXPECT_EQ(recorder.reason, CloseReason::reset);
    EXPECT_TRUE(recorder.error);
    EXPECT_EQ(recorder.ends, 0);
  });
}

TEST_P(StreamEnds, CloseAfterTheOutputFailedSaysSo) {
  open(unix_pair());
  run_on();
  peer.close();
  stream->write("lost");
  stream->flush();
  EXPECT_FALSE(stream->is_writable());
  stream->close();
  expect_end(CloseReason::reset, std::errc::broken_pipe);
}

TEST_P(StreamEnds, APausedWriterNoticesThatThePeerHasLeft) {
  open(unix_pair());
  run_on();
  stream->pause();
  peer.close();
  run_on();
  EXPECT_EQ(recorder.closes, 0);
  stream->write("lost");
  expect_end(CloseReason::reset, std::errc::broken_pipe);
}

TEST_P(StreamEnds, PauseHoldsBackInputAndItsEnd) {
  with_both([&] {
    run_on();
    stream->pause();
    stream->pause();
    write_all(peer.get(), "hello");
    peer.close();
    const int waits = spy.waits;
    run_turns(reactor, 20);
    EXPECT_EQ(recorder.calls, 0);
    EXPECT_EQ(recorder.ends, 0);
    EXPECT_LE(spy.waits - waits, 40);
    EXPECT_TRUE(stream->is_reading());
    stream->resume();
    stream->resume();
    expect_end(CloseReason::eof);
    EXPECT_EQ(recorder.received, "hello");
  });
}

TEST_P(StreamEnds, APausedStreamThatClosesDropsInputWhileItsOutputWaits) {
  open(unix_pair());
  run_on();
  fill_until_full(stream->fd());
  stream->pause();
  stream->write("the rest");
  stream->close();
  const std::string large(1'000'000, 'x');  // more than all buffers between them
  std::size_t sent = 0;
  EXPECT_TRUE(runs_until([&] {
    const long count = write_some(peer.get(), std::string_view{large}.substr(sent));
    if (count > 0) sent += static_cast<std::size_t>(count);
    return sent == large.size();
  })) << "a peer that reads only after it has written everything";
}

TEST_P(StreamEnds, AHandlerMayPauseItselfInTheMiddle) {
  open(unix_pair(), {.input_per_turn_max = 1'000'000});
  std::string text = numbered_text(150'000);
  recorder.on_data_then = [](Stream& one, Bytes) { one.pause(); };
  write_all(peer.get(), text);
  for (int i = 1; recorder.received.size() < text.size(); ++i) {
    EXPECT_TRUE(runs_until([&] { return recorder.calls == i; }));
    run_on();
    ASSERT_EQ(recorder.calls, i) << "one call for each resume()";
    stream->resume();
  }
  EXPECT_EQ(recorder.received, text);
}

TEST_P(StreamEnds, PipesOfBothEnds) {
  Pipe pipe = make_pipe();
  StreamRecorder writer;
  recorder = {};
  stream = adopt(std::move(pipe.reader), recorder);
  auto out = adopt(std::move(pipe.writer), writer);
  const std::string text = numbered_text(500'000);
  out->write(text);
  const std::size_t unsent = out->unsent_bytes();
  out->write_parts({});
  EXPECT_EQ(out->unsent_bytes(), unsent);
  out->shutdown_output();
  EXPECT_TRUE(runs_until([&] { return writer.closes == 1; }));
  EXPECT_EQ(writer.reason, CloseReason::eof);
  EXPECT_EQ(writer.ends, 0);
  out.reset();
  expect_end(CloseReason::eof);
  EXPECT_EQ(recorder.received, text);
  EXPECT_EQ(recorder.ends, 1);
}

// A pipe without a writer reports a hang-up without readability.
TEST_P(StreamEnds, APipeReaderWithoutAWriterReachesTheEnd) {
  Pipe pipe = make_pipe();
  stream = adopt(std::move(pipe.reader), recorder);
  EXPECT_EQ(stream->write("a reader"), WriteStatus::refused) << "does not write";
  run_on();
  pipe.writer.close();
  expect_end(CloseReason::eof);
  EXPECT_EQ(recorder.ends, 1);
}

TEST_P(StreamEnds, APipeWriterWhoseReaderIsGoneIsReset) {
  Pipe pipe = make_pipe();
  stream = adopt(std::move(pipe.writer), recorder);
  run_on();
  pipe.reader.close();
  run_on();
  stream->write("lost");
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.reason, CloseReason::reset) << recorder.message;
}

TEST_P(StreamEnds, APipeWriterWhoseReaderLeavesInTheMiddleIsReset) {
  Pipe pipe = make_pipe();
  stream = adopt(std::move(pipe.writer), recorder);
  stream->write(std::string(1'000'000, 'x'));
  run_on();
  EXPECT_GT(stream->unsent_bytes(), 0u);
  pipe.reader.close();
  expect_end(CloseReason::reset, std::errc::broken_pipe);
}

TEST_P(StreamEnds, AnAdoptedPipeIsMadeNonblocking) {
  RONDO_NEEDS(flags);
  Pipe pipe = make_pipe();
  ASSERT_EQ(::fcntl(pipe.writer.get(), F_SETFL, 0), 0);
  ASSERT_FALSE(is_nonblocking(pipe.writer.get()));
  const int fd = pipe.writer.get();
  stream = adopt(std::move(pipe.writer), recorder);
  ASSERT_TRUE(is_nonblocking(fd));
  stream->write(std::string(1'000'000, 'x'));
  run_on();
  EXPECT_GT(stream->unsent_bytes(), 0u);
}

}  // namespace
}  // namespace rondo::test
