// SPDX-License-Identifier: MIT
// Streams that read descriptors which other programs share, such as standard input.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/borrowed_fixture.h"
#include "support/child_process.h"

namespace rondo::test {
namespace {

class BorrowedStreams : public BorrowedOnEveryBackend {};
RONDO_ON_EVERY_BACKEND(BorrowedStreams);

TEST_P(BorrowedStreams, EndWhateverTheyRead) {
  with_and_without_reopening([this](Reactor& own) {
    const auto folder = opened("/", O_RDONLY);
    EXPECT_EQ(read_to_its_end(own, folder.get()), "|0|error: Is a directory");
    EXPECT_EQ(read_to_its_end(own, opened("/dev/null", O_RDONLY).get()), "|1|eof");
    EXPECT_EQ(read_to_its_end(own, opened("/dev/null", O_WRONLY).get()), "|1|eof") << "nohup";
    EXPECT_EQ(read_to_its_end(own, -1), "open a stream on descriptor -1: Bad file descriptor");
    Pipe pipe = blocking_pipe();
    EXPECT_EQ(read_to_its_end(own, pipe.writer.get()), "|1|eof") << "it is written only";
    write_all(pipe.writer.get(), "text");
    pipe.writer.close();
    EXPECT_EQ(read_to_its_end(own, pipe.reader.get()), "text|1|eof");
    Pair pair = blocking_pair();
    write_all(pair.theirs.get(), "text");
    pair.theirs.close();
    EXPECT_EQ(read_to_its_end(own, pair.ours.get()), "text|1|eof");
  });
}

TEST_P(BorrowedStreams, EndWithTheLastWriterOfAFifo) {
  std::string folder = (std::filesystem::temp_directory_path() / "rondo_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  with_and_without_reopening([&](Reactor& own) {
    const Fd reader = opened(path.c_str(), O_RDONLY | O_NONBLOCK);
    Fd writer = opened(path.c_str(), O_WRONLY);
    ::fcntl(reader.get(), F_SETFL, 0);
    write_all(writer.get(), "text");
    writer.close();
    EXPECT_EQ(read_to_its_end(own, reader.get()), "text|1|eof");
  });
  std::filesystem::remove_all(folder);
}

TEST_P(BorrowedStreams, EndWithTheOtherEndOfATerminal) {
  with_and_without_reopening([this](Reactor& own) {
    Terminal one;
    if (!one.exists()) GTEST_SKIP() << "no pseudo-terminals";
    write_all(one.slave.get(), "text");
    one.slave.close();
    EXPECT_EQ(read_to_its_end(own, one.master.get()), "text|1|eof");
    Terminal other;
    other.master.close();
    EXPECT_EQ(read_to_its_end(own, other.slave.get()), "|1|eof");
  });
}

TEST_P(BorrowedStreams, OfATerminalThatIsAdoptedEndTheSame) {
  Terminal terminal;
  if (!terminal.exists()) GTEST_SKIP() << "no pseudo-terminals";
  StreamRecorder recorder;
  const auto stream = adopt(std::move(terminal.master), recorder);
  write_all(terminal.slave.get(), "text");
  EXPECT_TRUE(runs_until([&] { return recorder.received == "text"; }));
  terminal.slave.close();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(recorder.ends, 1);
  EXPECT_EQ(recorder.message, "eof");
}

TEST_P(BorrowedStreams, OfAFileKeepTheReactorWhileTheyArePaused) {
  RONDO_NEEDS(threads);
  const std::string text = numbered_text(500'000);
  const Fd file = temporary_file(text);
  StreamRecorder recorder;
  std::vector<std::thread> threads;
  recorder.on_data_then = [&](Stream& stream, Bytes) {
    stream.pause();
    threads.emplace_back([&] { reactor.post([&stream] { stream.resume(); }); });
  };
  const auto stream = Stream::borrow(reactor, file.get(), Direction::read, recorder).value();
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(recorder.received == text) << recorder.received.size();
  EXPECT_EQ(recorder.message, "eof");
  EXPECT_FALSE(reactor.alive());
  for (std::thread& thread : threads) thread.join();
}

TEST_P(BorrowedStreams, OfAFileLetTheReactorGoWhenTheyAreDestroyed) {
  const Fd file = temporary_file("text");
  StreamRecorder recorder;
  auto stream = Stream::borrow(reactor, file.get(), Direction::read, recorder).value();
  stream->pause();
  run_turns(reactor, 3);
  EXPECT_TRUE(reactor.alive());
  stream.reset();
  EXPECT_FALSE(reactor.alive());
}

TEST_P(BorrowedStreams, OfClosedStandardDescriptorsAreRefused) {
  EXPECT_EQ(in_child([] {
              for (const int fd : {0, 1, 2}) ::close(fd);
              Reactor own{GetParam().make()};  // its descriptors may get these numbers
              const Pipe pipe = blocking_pipe();
              StreamRecorder recorder;
              const auto bad = std::errc::bad_file_descriptor;
              RONDO_CHILD_REQUIRE(Stream::standard_input(own, recorder).error() == bad);
              RONDO_CHILD_REQUIRE(Stream::standard_output(own, recorder).error() == bad);
              RONDO_CHILD_REQUIRE(Stream::standard_error(own, recorder).error() == bad);
              RONDO_CHILD_REQUIRE(own.run());
              return 0;
            }),
            0);
}

TEST_P(BorrowedStreams, OfSocketsThatAreNoStreamsAreRefused) {
  StreamRecorder recorder;
  const auto message_of = [&](int fd) {
    const auto stream = Stream::borrow(reactor, fd, Direction::read, recorder);
    return stream ? "" : stream.error().message();
  };
  const Listener listener = tcp_listener();
  EXPECT_EQ(message_of(listener.fd.get()),
            "open a stream on descriptor " + std::to_string(listener.fd.get()) +
                ": the socket listens: an acceptor or a server adopts it: Invalid argument");
  const Fd datagrams{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  EXPECT_EQ(message_of(datagrams.get()),
            "open a stream on descriptor " + std::to_string(datagrams.get()) +
                ": a datagram socket, which DatagramSocket adopts: Socket type not supported");
  EXPECT_EQ(::fcntl(datagrams.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_P(BorrowedStreams, DoNotBlockWhereSeveralRead) {
  with_and_without_reopening([](Reactor& own) {
    Pipe pipe = blocking_pipe();
    const Fd second = duplicate(pipe.reader.get());
    StreamRecorder recorders[2];
    const auto one = Stream::borrow(own, pipe.reader.get(), Direction::read, recorders[0]).value();
    const auto other = Stream::borrow(own, second.get(), Direction::read, recorders[1]).value();
    run_turns(own, 3);
    write_all(pipe.writer.get(), "x");
    run_turns(own, 5);  // both are ready, and one of them finds nothing
    EXPECT_EQ(recorders[0].received + recorders[1].received, "x");
  });
}

}  // namespace
}  // namespace rondo::test
