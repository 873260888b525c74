// SPDX-License-Identifier: MIT
// Tests of the kqueue backend alone, with the behaviour of each emulated system.
#include <fcntl.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "emulator.h"
#include "make_kqueue.h"
#include "support/child_process.h"
#include "support/port_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class Kqueue : public PortFixture {
 protected:
  /// The number of filters without that of the wake-up.
  static std::size_t filters() { return registered_filters() - 1; }
  static Pipe widowed_pipe() {
    Pipe pipe = make_pipe();
    pipe.reader.close();
    return pipe;
  }
};
RONDO_ON_EVERY_BACKEND(Kqueue);

TEST_P(Kqueue, ReportsAnEndedPipeReaderAsWritable) {
  const Pipe pipe = widowed_pipe();
  ASSERT_FALSE(watch(pipe.writer, Ready::none, Ready::write));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  EXPECT_EQ(write_result(pipe.writer.get()), -EPIPE);
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write)) << "level-triggered";
  ASSERT_FALSE(watch(pipe.writer, Ready::write, Ready::none));
  EXPECT_TRUE(is_silent(token));
  ASSERT_FALSE(watch(pipe.writer, Ready::none, Ready::both));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  backend->unwatch(pipe.writer.get(), Ready::both);
  EXPECT_TRUE(is_silent(token));
  EXPECT_EQ(filters(), 0U);
}

TEST_P(Kqueue, ReportsAPipeReaderThatEndsWhileWatched) {
  Pipe pipe = make_pipe();
  ASSERT_FALSE(watch(pipe.writer, Ready::none, Ready::write));
  EXPECT_GT(fill_until_full(pipe.writer.get()), 0U);
  EXPECT_TRUE(is_not_reported(token, Ready::write));
  pipe.reader.close();
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  backend->unwatch(pipe.writer.get(), Ready::write);
}

TEST_P(Kqueue, DoesNotSleepWhileAnEndedPipeIsWatched) {
  const Pipe pipe = widowed_pipe();
  ASSERT_FALSE(watch(pipe.writer, Ready::none, Ready::write));
  CollectingSink sink;
  while (sink.events.empty()) ASSERT_FALSE(backend->wait(sink, never));
  EXPECT_TRUE(can_write(sink.reported(token)));
  backend->unwatch(pipe.writer.get(), Ready::write);
}

TEST_P(Kqueue, ReportsAFifoByItsNewReaderOnceThereIsOne) {
  std::string folder = (std::filesystem::temp_directory_path() / "rondo_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto open_end = [&path](int mode) {
    return Fd{::open(path.c_str(), mode | O_NONBLOCK | O_CLOEXEC)};
  };
  Fd reader = open_end(O_RDONLY);
  const Fd writer = open_end(O_WRONLY);
  ASSERT_GE(writer.get(), 0);
  reader.close();
  ASSERT_FALSE(watch(writer, Ready::none, Ready::write));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  reader = open_end(O_RDONLY);
  EXPECT_GT(fill_until_full(writer.get()), 0U);
  EXPECT_TRUE(is_not_reported(token, Ready::write)) << "the pipe is full; its reader is not closed";
  EXPECT_FALSE(read_all(reader.get()).empty());
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  backend->unwatch(writer.get(), Ready::write);
  EXPECT_EQ(filters(), 0U);
  EXPECT_EQ(::unlink(path.c_str()), 0);
  EXPECT_EQ(::rmdir(folder.c_str()), 0);
}

TEST_P(Kqueue, AllowsEndedPipesToBeUnwatchedFromInsideASink) {
  std::vector<Pipe> pipes;
  for (std::uint64_t n = 0; n < 4; ++n) {
    pipes.push_back(widowed_pipe());
    ASSERT_FALSE(watch(pipes.back().writer, Ready::none, Ready::write, Token{n}));
  }
  std::size_t watched = pipes.size();
  CollectingSink sink;
  sink.then = [&](Token which, Ready) {
    backend->unwatch(pipes[static_cast<std::size_t>(which)].writer.get(), Ready::write);
    --watched;
  };
  for (int i = 0; i < looks && watched > 0; ++i) ASSERT_FALSE(backend->wait(sink, backend->now()));
  for (std::uint64_t n = 0; n < pipes.size(); ++n)
    EXPECT_EQ(sink.count(Token{n}, Ready::write), 1U) << "it was unwatched at that time";
  EXPECT_EQ(filters(), 0U);
}

TEST_P(Kqueue, LosesNothingWhenASinkThrows) {
  const Pipe pipe = widowed_pipe();
  const Pair pair = unix_pair();
  ASSERT_FALSE(watch(pipe.writer, Ready::none, Ready::write));
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write, other));
  backend->wake();
  int thrown = 0;
  CollectingSink sink;
  sink.then = [](Token, Ready) { throw 1; };
  for (int i = 0; i < looks; ++i) {
    try {
      ASSERT_FALSE(backend->wait(sink, backend->now()));
    } catch (int) {
      ++thrown;
    }
  }
  EXPECT_GT(thrown, looks / 2);
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  EXPECT_TRUE(is_reported_repeatedly(other, Ready::write));
  backend->unwatch(pipe.writer.get(), Ready::write);
  backend->unwatch(pair.ours.get(), Ready::write);
  backend->wake();
  ASSERT_FALSE(backend->wait(sink, never)) << "a wake-up still ends the wait";
}

TEST_P(Kqueue, RefusesAClosedDescriptorAlthoughAnEndedPipeLooksAlike) {
  Pipe pipe = widowed_pipe();
  const int number = pipe.writer.get();
  pipe.writer.close();
  for (const Ready from : {Ready::none, Ready::read})
    EXPECT_EQ(backend->watch(number, from, Ready::both, token), std::errc::bad_file_descriptor);
  EXPECT_TRUE(is_silent(token));
}

TEST_P(Kqueue, LeavesNothingOfAChangeThatFailsHalfWay) {
  const Pair pair = unix_pair();
  for (const short filter : {short{EVFILT_READ}, short{EVFILT_WRITE}}) {
    fail_next_add(filter, ENOMEM);
    EXPECT_EQ(watch(pair.ours, Ready::none, Ready::both), std::errc::not_enough_memory);
    EXPECT_EQ(filters(), 0U);
  }
}

TEST_P(Kqueue, KeepsWhatWasWhenAChangeFails) {
  const Pair pair = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  write_all(pair.theirs.get(), "hello");
  for (const Ready to : {Ready::both, Ready::write}) {
    fail_next_add(EVFILT_WRITE, ENOMEM);
    EXPECT_EQ(watch(pair.ours, Ready::read, to), std::errc::not_enough_memory);
    EXPECT_EQ(filters(), 1U);
    EXPECT_TRUE(is_reported_repeatedly(token, Ready::read));
    EXPECT_TRUE(is_not_reported(token, Ready::write));
  }
  ASSERT_FALSE(watch(pair.ours, Ready::read, Ready::write)) << "the next try succeeds";
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  backend->unwatch(pair.ours.get(), Ready::write);
}

TEST_P(Kqueue, HasAFilterForEachWatchedDirectionOnly) {
  const Pair pair = unix_pair();
  Ready from = Ready::none;
  for (const auto& [to, count] : {std::pair{Ready::read, 1U},
                                  {Ready::both, 2U},
                                  {Ready::write, 1U},
                                  {Ready::none, 0U},
                                  {Ready::both, 2U},
                                  {Ready::none, 0U}}) {
    ASSERT_FALSE(watch(pair.ours, from, to));
    EXPECT_EQ(filters(), count);
    from = to;
  }
}

TEST_P(Kqueue, GivesTheNewTokenToWhatIsKept) {
  const Pair pair = unix_pair();
  const Pipe pipe = widowed_pipe();
  write_all(pair.theirs.get(), "hello");
  for (const int fd : {pair.ours.get(), pipe.writer.get()}) {
    ASSERT_FALSE(backend->watch(fd, Ready::none, Ready::write, token));
    EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
    ASSERT_FALSE(backend->watch(fd, Ready::write, Ready::both, other)) << "it grows";
    EXPECT_TRUE(is_silent(token));
    EXPECT_TRUE(is_reported_repeatedly(other, Ready::write));
    ASSERT_FALSE(backend->watch(fd, Ready::both, Ready::write, token)) << "it shrinks";
    EXPECT_TRUE(is_silent(other));
    EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
    fail_next_add(EVFILT_READ, ENOMEM);
    EXPECT_TRUE(backend->watch(fd, Ready::write, Ready::both, other)) << "it fails";
    EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
    EXPECT_TRUE(is_silent(other));
    backend->unwatch(fd, Ready::write);
  }
}

TEST_P(Kqueue, DoesNotTakeItsOwnShutdownForTheEndOfInput) {
  for (const Pair& pair : {unix_pair(), tcp_pair()}) {
    ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::both));
    ASSERT_EQ(::shutdown(pair.ours.get(), SHUT_WR), 0);
    EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
    EXPECT_TRUE(is_not_reported(token, Ready::read));
    backend->unwatch(pair.ours.get(), Ready::both);
  }
}

TEST_P(Kqueue, RefusesADeviceThatTheKernelRefuses) {
  const Fd device{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  ASSERT_GE(device.get(), 0);
  for (const Ready interest : {Ready::read, Ready::write, Ready::both}) {
    EXPECT_EQ(watch(device, Ready::none, interest), std::errc::operation_not_permitted);
    EXPECT_EQ(filters(), 0U);
  }
}

TEST_P(Kqueue, ForgivesAnUnwatchThatComesAfterTheClose) {
  Pair pair = unix_pair();
  const int number = pair.ours.get();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::both));
  pair.ours.close();
  ASSERT_FALSE(backend->watch(number, Ready::both, Ready::none, token));
  backend->unwatch(number, Ready::both);
  EXPECT_TRUE(is_silent(token));
}

TEST_P(Kqueue, SleepsForAsLongAsTheKernelCanCount) {
  for (const TimePoint deadline : {after(backend->now(), 24h * 365 * 100), never, never - 1ns}) {
    backend->wake();
    CollectingSink sink;
    const std::error_code error = backend->wait(sink, deadline);
    EXPECT_FALSE(error) << error.message();
  }
}

TEST_P(Kqueue, LooksWithoutASleepForADeadlineLongPast) {
  CollectingSink sink;
  ASSERT_FALSE(backend->wait(sink, TimePoint::min()));
}

TEST_P(Kqueue, ReportsWhatTheSystemSaysWhenItCannotBeMade) {
  fail_next_kqueue(ENFILE);
  EXPECT_EQ(backends::make_kqueue().error(), std::errc::too_many_files_open_in_system);
  fail_next_add(EVFILT_READ, ENOMEM);
  EXPECT_EQ(backends::make_kqueue().error(), std::errc::not_enough_memory);
  for (const std::size_t spare : {0U, 1U, 2U}) {
    const DescriptorFamine famine{spare};
    EXPECT_EQ(backends::make_kqueue().error(), std::errc::too_many_files_open) << spare;
  }
  const DescriptorFamine famine{3};
  EXPECT_TRUE(backends::make_kqueue()) << "a backend needs three descriptors";
}

TEST_P(Kqueue, MayBeRenewedAgainAfterThatFailed) {
  const Pair pair = unix_pair();
  fail_next_kqueue(ENFILE);
  EXPECT_EQ(backend->reinit(), std::errc::too_many_files_open_in_system);
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read))
      << "the existing registrations still work";
  backend->unwatch(pair.ours.get(), Ready::read);
  backend->wake();
  ASSERT_FALSE(backend->reinit());
  CollectingSink sink;
  ASSERT_FALSE(backend->wait(sink, never)) << "no wake-up was lost";
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  backend->unwatch(pair.ours.get(), Ready::write);
}

// The child does not have this descriptor any more, and its number may be in use for another.
TEST_P(Kqueue, DoesNotCloseTheQueuesNumberInAChild) {
  EXPECT_EQ(in_child([this] {
              std::vector<Fd> others;
              for (int i = 0; i < 10; ++i) others.push_back(duplicate(STDERR_FILENO));
              RONDO_CHILD_REQUIRE(!backend->reinit());
              for (const Fd& fd : others) RONDO_CHILD_REQUIRE(::fcntl(fd.get(), F_GETFD) != -1);
              return 0;
            }),
            0);
  EXPECT_EQ(in_child([this] {
              std::vector<Fd> others;
              for (int i = 0; i < 10; ++i) others.push_back(duplicate(STDERR_FILENO));
              backend.reset();
              for (const Fd& fd : others) RONDO_CHILD_REQUIRE(::fcntl(fd.get(), F_GETFD) != -1);
              return 0;
            }),
            0);
}

TEST_P(Kqueue, SaysThatTheQueueIsGoneInAChildThatDidNotRenew) {
  const Pair pair = unix_pair();
  const Pipe pipe = make_pipe();
  EXPECT_EQ(in_child([&] {
              CollectingSink sink;
              const auto gone = std::errc::bad_file_descriptor;
              RONDO_CHILD_REQUIRE(watch(pair.ours, Ready::none, Ready::read) == gone);
              RONDO_CHILD_REQUIRE(watch(pipe.writer, Ready::none, Ready::write) == gone);
              RONDO_CHILD_REQUIRE(backend->wait(sink, backend->now()) == gone);
              return 0;
            }),
            0);
}

TEST_P(Kqueue, LeavesAWakeOfTheParentToTheParent) {
  backend->wake();
  EXPECT_EQ(in_child([this] {
              RONDO_CHILD_REQUIRE(!backend->reinit());
              CollectingSink sink;
              RONDO_CHILD_REQUIRE(!backend->wait(sink, never));
              return 0;
            }),
            0);
  CollectingSink sink;
  ASSERT_FALSE(backend->wait(sink, never));
}

}  // namespace
}  // namespace rondo::test
