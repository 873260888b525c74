// Tasks that wait until a descriptor is ready, on each backend.
#include <rondo/descriptor_wait.h>

#include <optional>
#include <string>
#include <system_error>

#include <rondo/coroutine.h>

#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class DescriptorWaitTest : public ReactorOnEveryBackend {
 protected:
  [[nodiscard]] bool run(Task<> task) {
    std::optional<TaskGroup> group{std::in_place, reactor};
    group->spawn(std::move(task));
    const bool ended = run_until(reactor, [&] { return group->size() == 0; });
    group.reset();
    run_turns(reactor, 1);  // throws what has left the task
    return ended;
  }

  Pair pair = unix_pair();
};
RONDO_ON_EVERY_BACKEND(DescriptorWaitTest);

TEST_P(DescriptorWaitTest, EndsWhenThereIsSomethingToRead) {
  std::string log;
  const auto reads = [&]() -> Task<> {
    for (int i = 0; i < 2; ++i) {
      co_await readable(pair.ours.get());
      log += read_all(pair.ours.get());
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
    co_await writable(pair.ours.get());
    ended = true;
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
  EXPECT_LE(received, size);
}

TEST_P(DescriptorWaitTest, MayBeInBothDirectionsAtATime) {
  std::string log;
  const auto body = [&]() -> Task<> {
    const auto first = co_await when_any(readable(pair.ours.get()), writable(pair.ours.get()));
    log += std::to_string(first.index());
    write_all(pair.theirs.get(), "x");
    co_await when_all(readable(pair.ours.get()), readable(pair.ours.get()),
                      writable(pair.ours.get()));
    log += "all";
  };
  EXPECT_TRUE(run(body()));
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
  EXPECT_TRUE(run(body()));
  EXPECT_TRUE(thrown);
}

TEST_P(DescriptorWaitTest, LetsTheTaskCloseTheDescriptor) {
  write_all(pair.theirs.get(), "x");
  const auto body = [&]() -> Task<> {
    co_await readable(pair.ours.get());
    pair.ours.close();
  };
  EXPECT_TRUE(run(body()));
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
  EXPECT_TRUE(run(body()));
  EXPECT_EQ(steps, 2);
}

TEST_P(DescriptorWaitTest, MayBeCancelledAndCallsNothing) {
  bool resumed = false;
  const auto body = [&]() -> Task<> {
    co_await readable(pair.ours.get());
    resumed = true;
  };
  {
    TaskGroup group{reactor};
    group.spawn(body());
    run_turns(reactor, 2);
    EXPECT_TRUE(reactor.alive());
    write_all(pair.theirs.get(), "x");
  }
  EXPECT_FALSE(reactor.alive()) << "nothing is watched any more";
  run_turns(reactor, 3);
  EXPECT_FALSE(resumed);
  EXPECT_EQ(read_all(pair.ours.get()), "x") << "it has taken nothing";
}

// The first task that continues cancels the other one, which the same event was to resume.
TEST_P(DescriptorWaitTest, MayBeCancelledByTheSameEvent) {
  int resumed = 0;
  TaskGroup other{reactor};
  const auto first = [&]() -> Task<> {
    co_await readable(pair.ours.get());
    ++resumed;
    other.cancel();
  };
  const auto second = [&]() -> Task<> {
    co_await readable(pair.ours.get());
    ++resumed;
  };
  TaskGroup group{reactor};
  group.spawn(first());
  run_turns(reactor, 1);
  other.spawn(second());
  run_turns(reactor, 1);
  write_all(pair.theirs.get(), "x");
  EXPECT_TRUE(run_until(reactor, [&] { return resumed > 0; }));
  run_turns(reactor, 3);
  EXPECT_EQ(resumed, 1);
}

}  // namespace
}  // namespace rondo::test
