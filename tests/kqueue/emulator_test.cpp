// SPDX-License-Identifier: MIT
// The emulator compared with kqueue(2), since the tests of the backend depend on it.
#include "emulator.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <set>
#include <thread>
#include <vector>

#include "support/child_process.h"
#include "support/descriptor_census.h"
#include "support/descriptors.h"

namespace rondo::test {
namespace {

using Event = struct kevent;
using namespace std::chrono_literals;

constexpr timespec no_sleep{0, 0};

class Emulator : public DescriptorCensus {
 protected:
  void start(Personality personality, std::uint64_t seed = 1) {
    emulate(personality, seed);
    queue_ = Fd{kqueue()};
    ASSERT_GE(kq(), 0);
  }
  [[nodiscard]] int kq() const { return queue_.get(); }

  /// Submits one change without EV_RECEIPT and without room for events. Returns the errno.
  [[nodiscard]] int change(int fd, short filter, unsigned flags, void* udata = nullptr) const {
    const Event one = make(fd, filter, flags, udata);
    return kevent(kq(), &one, 1, nullptr, 0, nullptr) == 0 ? 0 : errno;
  }
  [[nodiscard]] std::vector<Event> look(int room = 8) const {
    std::vector<Event> events(static_cast<std::size_t>(room));
    const int count = kevent(kq(), nullptr, 0, events.data(), room, &no_sleep);
    EXPECT_GE(count, 0);
    events.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return events;
  }
  static Event make(int fd, short filter, unsigned flags, void* udata = nullptr) {
    Event one{};
    one.ident = static_cast<uintptr_t>(fd);
    one.filter = filter;
    one.flags = static_cast<unsigned short>(flags);
    one.udata = udata;
    return one;
  }

  Fd queue_;
};

TEST_F(Emulator, ReportsReadAndWriteAsSeparateEvents) {
  start(Personality::freebsd);
  const Pair pair = unix_pair();
  int a = 0, b = 0;
  ASSERT_EQ(change(pair.ours.get(), EVFILT_READ, EV_ADD, &a), 0);
  ASSERT_EQ(change(pair.ours.get(), EVFILT_WRITE, EV_ADD, &b), 0);
  write_all(pair.theirs.get(), "hello");
  const auto events = look();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].filter, EVFILT_READ);
  EXPECT_EQ(events[0].udata, &a);
  EXPECT_EQ(events[0].data, 5);
  EXPECT_EQ(events[0].ident, static_cast<uintptr_t>(pair.ours.get()));
  EXPECT_EQ(events[1].filter, EVFILT_WRITE);
  EXPECT_EQ(events[1].udata, &b);
  EXPECT_GT(events[1].data, 0);
  EXPECT_EQ(look().size(), 2U) << "level-triggered";
}

TEST_F(Emulator, ReportsWriteFirstAsNetbsd) {
  start(Personality::netbsd);
  const Pair pair = unix_pair();
  ASSERT_EQ(change(pair.ours.get(), EVFILT_READ, EV_ADD), 0);
  ASSERT_EQ(change(pair.ours.get(), EVFILT_WRITE, EV_ADD), 0);
  write_all(pair.theirs.get(), "hello");
  const auto events = look();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].filter, EVFILT_WRITE);
}

TEST_F(Emulator, ReportsEdgesOnceWithClear) {
  start(Personality::freebsd);
  const Pair pair = unix_pair();
  ASSERT_EQ(change(pair.ours.get(), EVFILT_READ, EV_ADD | EV_CLEAR), 0);
  write_all(pair.theirs.get(), "a");
  EXPECT_EQ(look().size(), 1U);
  EXPECT_EQ(look().size(), 0U);
  write_all(pair.theirs.get(), "b");
  EXPECT_EQ(look().size(), 1U);
  EXPECT_EQ(look().size(), 0U);
  EXPECT_EQ(change(pair.ours.get(), EVFILT_READ, EV_DELETE), 0);
}

TEST_F(Emulator, KeepsTheModeOfANoteThatIsAddedAgain) {
  start(Personality::freebsd);
  const Pair pair = unix_pair();
  int mark = 0;
  ASSERT_EQ(change(pair.ours.get(), EVFILT_WRITE, EV_ADD), 0);
  ASSERT_EQ(change(pair.ours.get(), EVFILT_WRITE, EV_ADD | EV_CLEAR, &mark), 0);
  EXPECT_EQ(registered_filters(), 1U);
  for (int i = 0; i < 3; ++i) {
    const auto events = look();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].udata, &mark);
  }
}

TEST_F(Emulator, ForgetsAOneshotAndDisablesADispatchAfterAnEvent) {
  start(Personality::freebsd);
  const Pair pair = unix_pair();
  ASSERT_EQ(change(pair.ours.get(), EVFILT_WRITE, EV_ADD | EV_ONESHOT), 0);
  EXPECT_EQ(look().size(), 1U);
  EXPECT_EQ(registered_filters(), 0U);
  ASSERT_EQ(change(pair.ours.get(), EVFILT_WRITE, EV_ADD | EV_DISPATCH), 0);
  EXPECT_EQ(look().size(), 1U);
  EXPECT_EQ(look().size(), 0U);
  ASSERT_EQ(change(pair.ours.get(), EVFILT_WRITE, EV_ENABLE), 0);
  EXPECT_EQ(look().size(), 1U);
  ASSERT_EQ(change(pair.ours.get(), EVFILT_WRITE, EV_DISABLE), 0);
  EXPECT_EQ(look().size(), 0U);
}

TEST_F(Emulator, ReplacesOrAddsTheErrorFlagOfAReceipt) {
  const Pair pair = unix_pair();
  for (const auto& [personality, flags] : {std::pair{Personality::freebsd, EV_ERROR},
                                           {Personality::xnu, EV_ERROR | EV_ADD | EV_RECEIPT}}) {
    start(personality);
    const Event add = make(pair.ours.get(), EVFILT_WRITE, EV_ADD | EV_RECEIPT);
    Event receipt{};
    ASSERT_EQ(kevent(kq(), &add, 1, &receipt, 1, nullptr), 1);
    EXPECT_EQ(receipt.flags, flags);
    EXPECT_EQ(receipt.data, 0);
    EXPECT_EQ(look().size(), 1U) << "the change did not consume the event";
  }
}

TEST_F(Emulator, PlacesTheErrorsOfChangesWhereThereIsRoom) {
  start(Personality::freebsd);
  const Pair pair = unix_pair();
  const Event changes[] = {make(pair.ours.get(), EVFILT_READ, EV_DELETE),
                           make(1'000'000, EVFILT_READ, EV_ADD),
                           make(pair.ours.get(), EVFILT_WRITE, EV_ADD)};
  Event out[4];
  ASSERT_EQ(kevent(kq(), changes, 3, out, 4, nullptr), 2);
  EXPECT_EQ(out[0].flags, EV_ERROR);
  EXPECT_EQ(out[0].data, ENOENT);
  EXPECT_EQ(out[1].data, EBADF);
  EXPECT_EQ(registered_filters(), 1U) << "the third change was made nevertheless";
  EXPECT_EQ(change(pair.ours.get(), EVFILT_READ, EV_DELETE), ENOENT);
  EXPECT_EQ(change(pair.ours.get(), -11, EV_ADD), EINVAL) << "there is no such filter";
}

TEST_F(Emulator, ForgetsAClosedDescriptorAndDoesNotTakeItsSuccessorForIt) {
  start(Personality::freebsd);
  Pair pair = unix_pair();
  const int number = pair.ours.get();
  ASSERT_EQ(change(number, EVFILT_WRITE, EV_ADD), 0);
  pair.ours.close();
  EXPECT_EQ(change(number, EVFILT_WRITE, EV_DELETE), ENOENT);
  EXPECT_EQ(change(number, EVFILT_WRITE, EV_ADD), EBADF);

  pair = unix_pair();
  const int reused = pair.ours.get();
  ASSERT_EQ(change(reused, EVFILT_WRITE, EV_ADD), 0);
  pair.ours.close();
  const Pair next = unix_pair();
  ASSERT_TRUE(next.ours.get() == reused || next.theirs.get() == reused);
  EXPECT_EQ(look().size(), 0U);
  EXPECT_EQ(registered_filters(), 0U);
}

TEST_F(Emulator, MarksTheEndOfInputAndOfOutput) {
  start(Personality::freebsd);
  for (const Pair& pair : {unix_pair(), tcp_pair()}) {
    ASSERT_EQ(change(pair.ours.get(), EVFILT_READ, EV_ADD), 0);
    ASSERT_EQ(change(pair.theirs.get(), EVFILT_WRITE, EV_ADD), 0);
    auto events = look();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].flags & EV_EOF, 0);
    write_all(pair.theirs.get(), "bye");
    ASSERT_EQ(::shutdown(pair.theirs.get(), SHUT_WR), 0);
    events = look();
    ASSERT_EQ(events.size(), 2U);
    for (const Event& event : events) EXPECT_NE(event.flags & EV_EOF, 0);
    const auto& read = events[0].filter == EVFILT_READ ? events[0] : events[1];
    EXPECT_EQ(read.data, 3) << "the end comes after the data";
    ASSERT_EQ(change(pair.theirs.get(), EVFILT_WRITE, EV_DELETE), 0);
    ASSERT_EQ(change(pair.ours.get(), EVFILT_READ, EV_DELETE), 0);
  }
}

TEST_F(Emulator, SaysNothingOfASocketThatIsNotConnected) {
  start(Personality::freebsd);
  const Fd fresh{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(change(fresh.get(), EVFILT_READ, EV_ADD), 0);
  ASSERT_EQ(change(fresh.get(), EVFILT_WRITE, EV_ADD), 0);
  const timespec little{0, 3'000'000};
  Event event{};
  EXPECT_EQ(kevent(kq(), nullptr, 0, &event, 1, &little), 0) << "and it sleeps nevertheless";
}

TEST_F(Emulator, RefusesOrMarksAPipeWithoutAReader) {
  for (const auto& [personality, error] : {std::pair{Personality::freebsd, EPIPE},
                                           {Personality::openbsd, EPIPE},
                                           {Personality::netbsd, EBADF},
                                           {Personality::xnu, 0}}) {
    start(personality);
    Pipe pipe = make_pipe();
    pipe.reader.close();
    EXPECT_EQ(change(pipe.writer.get(), EVFILT_WRITE, EV_ADD), error);
    if (error != 0) continue;
    const auto events = look();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_NE(events[0].flags & EV_EOF, 0);
  }
}

TEST_F(Emulator, TakesARegularFileUntilItsEnd) {
  start(Personality::freebsd);
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  const int fd = ::fileno(file);
  ASSERT_EQ(::write(fd, "abc", 3), 3);
  ASSERT_EQ(::lseek(fd, 1, SEEK_SET), 1);
  EXPECT_EQ(change(fd, EVFILT_READ, EV_ADD), 0);
  EXPECT_EQ(change(fd, EVFILT_WRITE, EV_ADD), EINVAL);
  const auto events = look();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].data, 2);
  ASSERT_EQ(::lseek(fd, 0, SEEK_END), 3);
  EXPECT_EQ(look().size(), 0U);
  EXPECT_EQ(std::fclose(file), 0);
}

TEST_F(Emulator, IsNotCloseOnExecAndNotInherited) {
  start(Personality::freebsd);
  EXPECT_FALSE(is_close_on_exec(kq()));
  EXPECT_EQ(in_child([this] { return ::fcntl(kq(), F_GETFD) == -1 && errno == EBADF ? 0 : 1; }), 0);
  EXPECT_EQ(look().size(), 0U) << "the parent's queue still works";
}

TEST_F(Emulator, EndsWithItsDescriptor) {
  start(Personality::freebsd);
  const Pair pair = unix_pair();
  ASSERT_EQ(change(pair.ours.get(), EVFILT_WRITE, EV_ADD), 0);
  const int old = kq();
  queue_.close();
  EXPECT_EQ(kevent(old, nullptr, 0, nullptr, 0, nullptr), -1);
  EXPECT_EQ(errno, EBADF);
  EXPECT_EQ(registered_filters(), 0U);
}

TEST_F(Emulator, RefusesAnInvalidTimeout) {
  start(Personality::xnu);
  Event event{};
  for (const timespec& wrong :
       {timespec{-1, 0}, timespec{0, 1'000'000'000}, timespec{0, -1}, timespec{100'000'001, 0}}) {
    EXPECT_EQ(kevent(kq(), nullptr, 0, &event, 1, &wrong), -1);
    EXPECT_EQ(errno, EINVAL);
  }
}

TEST_F(Emulator, SleepsUntilAnotherThreadWrites) {
  start(Personality::freebsd);
  const Pair pair = unix_pair();
  ASSERT_EQ(change(pair.ours.get(), EVFILT_READ, EV_ADD), 0);
  std::thread writer([&] { write_all(pair.theirs.get(), "x"); });
  Event event{};
  EXPECT_EQ(kevent(kq(), nullptr, 0, &event, 1, nullptr), 1);
  writer.join();
}

TEST_F(Emulator, LetsTheOldestGoFirstWhenThereIsLittleRoom) {
  start(Personality::freebsd);
  std::vector<Pair> pairs;
  for (int i = 0; i < 5; ++i) {
    pairs.push_back(unix_pair());
    ASSERT_EQ(change(pairs.back().ours.get(), EVFILT_WRITE, EV_ADD), 0);
  }
  std::set<uintptr_t> reported;
  for (int i = 0; i < 5; ++i)
    for (const Event& event : look(1)) reported.insert(event.ident);
  EXPECT_EQ(reported.size(), 5U);
}

TEST_F(Emulator, IsEvilInTheSameWayForTheSameSeed) {
  std::vector<std::vector<uintptr_t>> runs;
  const Pair first = unix_pair();
  const Pair second = unix_pair();
  for (const std::uint64_t seed : {7U, 7U, 8U}) {
    start(Personality::evil, seed);
    ASSERT_EQ(change(first.ours.get(), EVFILT_WRITE, EV_ADD), 0);
    ASSERT_EQ(change(second.ours.get(), EVFILT_WRITE, EV_ADD), 0);
    ASSERT_EQ(change(second.ours.get(), EVFILT_READ, EV_ADD), 0);
    auto& run = runs.emplace_back();
    std::size_t lies = 0;
    for (int i = 0; i < 200; ++i) {
      for (const Event& event : look()) {
        run.push_back(event.ident);
        lies += event.filter == EVFILT_READ ? 1U : 0U;
      }
    }
    EXPECT_GT(lies, 0U);
    EXPECT_LT(lies, 60U);
    EXPECT_GT(run.size(), 300U) << "most events are true";
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_NE(runs[0], runs[2]);
}

TEST_F(Emulator, ShowsTheEndOfWritingOnceIfEvil) {
  start(Personality::evil);
  Pair pair = unix_pair();
  ASSERT_EQ(change(pair.ours.get(), EVFILT_WRITE, EV_ADD), 0);
  pair.theirs.close();
  std::size_t ends = 0;
  std::size_t events = 0;
  for (int i = 0; i < 20; ++i) {
    for (const Event& event : look()) {
      ++events;
      ends += (event.flags & EV_EOF) != 0 ? 1U : 0U;
    }
  }
  EXPECT_EQ(ends, 1U);
  EXPECT_EQ(events, 20U);
}

TEST_F(Emulator, FailsOnDemand) {
  start(Personality::freebsd);
  const Pair pair = unix_pair();
  fail_next_add(EVFILT_WRITE, ENOMEM);
  EXPECT_EQ(change(pair.ours.get(), EVFILT_READ, EV_ADD), 0);
  EXPECT_EQ(change(pair.ours.get(), EVFILT_WRITE, EV_ADD), ENOMEM);
  EXPECT_EQ(change(pair.ours.get(), EVFILT_WRITE, EV_ADD), 0);
  fail_next_kqueue(EMFILE);
  EXPECT_EQ(kqueue(), -1);
  EXPECT_EQ(errno, EMFILE);
}

}  // namespace
}  // namespace rondo::test
