// SPDX-License-Identifier: MIT
// Streams that write to descriptors which other programs share, such as standard output.
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "support/borrowed_fixture.h"
#include "support/child_process.h"

namespace rondo::test {
namespace {

class BorrowedOutputs : public BorrowedOnEveryBackend {};
RONDO_ON_EVERY_BACKEND(BorrowedOutputs);

TEST_P(BorrowedOutputs, LeaveTheFlagsAsTheyAre) {
  with_and_without_reopening([](Reactor& own) {
    Pipe pipe = blocking_pipe();
    Pair pair = blocking_pair();
    Terminal terminal;
    StreamRecorder recorder;
    for (const int fd : {pipe.reader.get(), pipe.writer.get(), pair.ours.get(),
                         terminal.slave.get(), terminal.master.get()}) {
      if (fd < 0) continue;
      const int before = ::fcntl(fd, F_GETFL);
      const Direction direction = fd == pipe.reader.get() ? Direction::read : Direction::write;
      {
        StreamRecorder here;
        const auto stream = Stream::borrow(own, fd, direction, here).value();
        if (direction == Direction::write) stream->write("text");
        run_turns(own, 5);
        EXPECT_EQ(::fcntl(fd, F_GETFL), before) << "while it is used";
        EXPECT_EQ(here.closes, 0) << here.message;
      }
      EXPECT_EQ(::fcntl(fd, F_GETFL), before);
    }
  });
}

TEST_P(BorrowedOutputs, ThatAreAdoptedChangeNoDuplicate) {
  Terminal terminal;
  Pipe pipe = blocking_pipe();
  for (const int fd : {pipe.writer.get(), pipe.reader.get(), terminal.slave.get()}) {
    if (fd < 0) continue;
    StreamRecorder recorder;
    const auto stream = adopt(duplicate(fd), recorder);
    EXPECT_FALSE(is_nonblocking(fd));
    EXPECT_TRUE(is_nonblocking(stream->fd()));
  }
}

TEST_P(BorrowedOutputs, WriteMuchToASlowReaderWithoutBlocking) {
  with_and_without_reopening([](Reactor& own) {
    const std::string text = numbered_text(500'000);
    const auto check_one = [&](const Fd& ours, const Fd& theirs, bool is_file) {
      StreamRecorder recorder;
      const auto stream = Stream::borrow(own, ours.get(), Direction::write, recorder).value();
      ::fcntl(theirs.get(), F_SETFL, O_NONBLOCK);
      if (is_file) {
        stream->send_file(File{temporary_file(text).release()}, 0, text.size());
      } else {
        stream->write(text);
      }
      run_turns(own, 20);  // the reader is slow, and this returns
      EXPECT_GT(stream->unsent_bytes(), 0U);
      EXPECT_TRUE(own.alive());
      stream->close();
      std::string received;
      EXPECT_TRUE(run_until(own, [&] {
        received += read_all(theirs.get());
        return recorder.closes == 1 && received.size() == text.size();
      })) << received.size();
      EXPECT_TRUE(received == text);
      EXPECT_EQ(recorder.message, "eof");
    };
    const auto check = [&](const Fd& ours, const Fd& theirs) {
      check_one(ours, theirs, false);
      check_one(ours, theirs, true);
    };
    const Pipe pipe = blocking_pipe();
    check(pipe.writer, pipe.reader);
    const Pair pair = blocking_pair();
    check(pair.ours, pair.theirs);
    const Terminal terminal;
    if (terminal.exists()) check(terminal.slave, terminal.master);
  });
}

TEST_P(BorrowedOutputs, WriteToFilesAndDevices) {
  StreamRecorder full;
  const Fd device = opened("/dev/full", O_WRONLY);
  const auto to_full = Stream::borrow(reactor, device.get(), Direction::write, full).value();
  to_full->write("text");
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(full.message, "error: No space left on device");

  StreamRecorder recorder;
  const Fd file = temporary_file("");
  const std::string text = numbered_text(3'000'000);
  const auto to_file = Stream::borrow(reactor, file.get(), Direction::write, recorder).value();
  to_file->write(text);
  EXPECT_TRUE(reactor.run()) << "it returns when all is written";
  EXPECT_EQ(::lseek(file.get(), 0, SEEK_END), static_cast<off_t>(text.size()));
  to_file->close();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(recorder.message, "eof");
}

TEST_P(BorrowedOutputs, ReportWhatCannotBeWritten) {
  StreamRecorder recorder;
  const Fd file = opened("/dev/null", O_RDONLY);
  const auto stream = Stream::borrow(reactor, file.get(), Direction::write, recorder).value();
  EXPECT_TRUE(reactor.run()) << "idle output does not keep it";
  stream->write("text");
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(recorder.message, "error: Bad file descriptor");

  StreamRecorder broken;
  Pipe pipe = blocking_pipe();
  const auto to_pipe = Stream::borrow(reactor, pipe.writer.get(), Direction::write, broken).value();
  pipe.reader.close();
  to_pipe->write("text");
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(broken.reason, CloseReason::reset) << broken.message;
}

TEST_P(BorrowedOutputs, UseBothDirectionsOfASocket) {
  Pair pair = blocking_pair();
  StreamRecorder recorder;
  recorder.on_data_then = [](Stream& stream, Bytes data) { stream.write(data); };
  {
    const auto stream = Stream::borrow(reactor, pair.ours.get(), Direction::both, recorder).value();
    write_all(pair.theirs.get(), "text");
    ::fcntl(pair.theirs.get(), F_SETFL, O_NONBLOCK);
    EXPECT_EQ(read_by_peer(pair.theirs, 4), "text");
    EXPECT_FALSE(stream->release());
    stream->close();
    EXPECT_TRUE(reactor.run());
  }
  write_all(pair.ours.get(), "it is neither shut down nor closed");
  EXPECT_EQ(recorder.received, "text");
}

TEST_P(BorrowedOutputs, AreStandardInputAndOutput) {
  EXPECT_EQ(in_child([&] {
              const Pipe in = blocking_pipe();
              const Pipe out = blocking_pipe();
              const Pipe error = blocking_pipe();
              ::dup2(in.reader.get(), STDIN_FILENO);
              ::dup2(out.writer.get(), STDOUT_FILENO);
              ::dup2(error.writer.get(), STDERR_FILENO);
              Reactor own{GetParam().make()};
              StreamRecorder ignored;
              StreamRecorder recorder;
              const auto output = Stream::standard_output(own, ignored).value();
              const auto errors = Stream::standard_error(own, ignored).value();
              recorder.on_data_then = [&](Stream&, Bytes data) {
                output->write(data);
                errors->write("seen");
              };
              const auto input = Stream::standard_input(own, recorder).value();
              write_all(in.writer.get(), "text");
              ::close(in.writer.get());
              if (!own.run() || recorder.ends != 1) return 1;
              char text[8] = {};
              if (::read(out.reader.get(), text, 8) != 4 || std::string_view{text, 4} != "text")
                return 2;
              if (::read(error.reader.get(), text, 8) != 4 || std::string_view{text, 4} != "seen")
                return 3;
              for (const int fd : {0, 1, 2})
                if (is_nonblocking(fd)) return 4 + fd;
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace rondo::test
