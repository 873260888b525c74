// SPDX-License-Identifier: MIT
// Tasks that wait until a descriptor is ready, on each backend. It is a hint, so they look.
#include <rondo/descriptor_wait.h>

#include <optional>
#include <string>
#include <system_error>

#include <rondo/coroutine.h>

#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"
#include "support/task_end.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class DescriptorWaitTest : public ReactorOnEveryBackend {
 protected:
  Pair pair = unix_pair();
};
RONDO_ON_EVERY_BACKEND(DescriptorWaitTest);

TEST_P(DescriptorWaitTest, EndsWhenThereIsSomethingToRead) {
  std::string log;
  const auto reads = [&]() -> Task<> {
    for (int count = 0; count < 2;) {
      co_await readable(pair.ours.get());
      const std::string read = read_all(pair.ours.get());
      if (!read.empty()) ++count;
      log += read;
    }
  };
  TaskGroup group{reactor};
  group.spawn(reads());
  run_turns(reactor, 3);
  EXPECT_EQ(log, "");
  for (const char* const text : {"a", "ab"}) {
    write_all(pair.theirs.get(), text);
    EXPECT_TRUE(run_until(reactor, [&] { return log.ends_with(text); }));
  }
  EXPECT_EQ(log, "aab");
  EXPECT_TRUE(run_until(reactor, [&] { return group.size() == 0; }));
}

TEST_P(DescriptorWaitTest, EndsWhenThereIsRoomToWrite) {
  const std::size_t size = fill_until_full(pair.ours.get());
  bool ended = false;
  const auto writes = [&]() -> Task<> {
    while (!ended) {
      co_await writable(pair.ours.get());
      const long written = write_some(pair.ours.get(), "x");
      ended = written == 1;
    }
  };
  TaskGroup group{reactor};
  group.spawn(writes());
  run_turns(reactor, 3);
  EXPECT_FALSE(ended);
  std::size_t received = 0;
  EXPECT_TRUE(run_until(reactor, [&] {
    received += read_all(pair.theirs.get()).size();
    return ended;
  }));
  EXPECT_LE(received, size + 1);
}

TEST_P(DescriptorWaitTest, MayBeInBothDirectionsAtATime) {
  std::string log;
  const auto body = [&]() -> Task<> {
    std::size_t first = 0;
    while (first == 0)
      first = (co_await when_any(readable(pair.ours.get()), writable(pair.ours.get()))).index();
    log += std::to_string(first);
    write_all(pair.theirs.get(), "x");
    co_await when_all(readable(pair.ours.get()), readable(pair.ours.get()),
                      writable(pair.ours.get()));
    log += "all";
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(log, "1all");
}

TEST_P(DescriptorWaitTest, ThrowsTheErrorOfWatching) {
  RecordingHandler handler;
  const Watch watch = reactor.watch(pair.ours.get(), Ready::read, handler).value();
  std::string expected = "watch descriptor " + std::to_string(pair.ours.get()) + ": File exists";
  bool thrown = false;
  const auto body = [&]() -> Task<> {
    try {
      co_await readable(pair.ours.get());
    } catch (const std::system_error& error) {
      thrown = true;
      EXPECT_EQ(error.what(), expected);
      EXPECT_EQ(error.code(), std::errc::file_exists);
    }
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_TRUE(thrown);
}

TEST_P(DescriptorWaitTest, LetsTheTaskCloseTheDescriptor) {
  write_all(pair.theirs.get(), "x");
  const auto body = [&]() -> Task<> {
    co_await readable(pair.ours.get());
    pair.ours.close();
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_FALSE(reactor.alive());
}

// Its awaiter exists until the end of the expression, and the descriptor stays readable.
TEST_P(DescriptorWaitTest, EndsOnceThoughTheExpressionGoesOn) {
  write_all(pair.theirs.get(), "x");
  int steps = 0;
  const auto waits = [&]() -> Task<int> {
    for (int i = 0; i < 5; ++i) co_await turn();
    co_return ++steps;
  };
  const auto body = [&]() -> Task<> {
    (co_await readable(pair.ours.get()), co_await waits());
    ++steps;
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(steps, 2);
}

TEST_P(DescriptorWaitTest, MayBeCancelledAndCallsNothing) {
  int hints = 0;  // a poller may report what is not so
  const auto body = [&]() -> Task<> {
    while (true) {
      const int before = hints;
      co_await readable(pair.ours.get());
      hints = before + 1;
    }
  };
  {
    TaskGroup group{reactor};
    group.spawn(body());
    run_turns(reactor, 2);
    EXPECT_TRUE(reactor.alive());
    write_all(pair.theirs.get(), "x");
  }
  EXPECT_FALSE(reactor.alive()) << "nothing is watched any more";
  const int before = hints;
  run_turns(reactor, 3);
  EXPECT_EQ(hints, before);
  EXPECT_EQ(read_all(pair.ours.get()), "x") << "it has taken nothing";
}

// The first task that continues cancels the other one, which the same event was to resume.
TEST_P(DescriptorWaitTest, MayBeCancelledByTheSameEvent) {
  int resumed = 0;
  bool is_written = false;
  TaskGroup other{reactor};
  const auto reads = [&](bool is_first) -> Task<> {
    const int fd = pair.ours.get();
    do {
      co_await readable(fd);
    } while (!is_written);
    ++resumed;
    if (is_first) other.cancel();
  };
  TaskGroup group{reactor};
  group.spawn(reads(true));
  run_turns(reactor, 1);
  other.spawn(reads(false));
  run_turns(reactor, 1);
  write_all(pair.theirs.get(), "x");
  is_written = true;
  EXPECT_TRUE(run_until(reactor, [&] { return resumed > 0; }));
  run_turns(reactor, 3);
  EXPECT_EQ(resumed, 1);
}

}  // namespace
}  // namespace rondo::test
