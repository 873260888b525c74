// SPDX-License-Identifier: MIT
// Many at once: more than any batch holds, and none is called twice or left out.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <rondo/timer.h>

#include "support/allocation_counter.h"
#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class Crowd : public ReactorOnEveryBackend {
 protected:
  struct Member final : Handler {
    void on_ready(Ready) override {
      ++in_turn;
      ++calls;
      if (drains) served += read_all(pair.ours.get()).size();
    }
    Pair pair = unix_pair();
    Watch watch;
    int in_turn = 0;
    int calls = 0;
    std::size_t served = 0;
    bool drains = true;
  };

  static constexpr std::size_t many = 2000;

  void gather(bool drains) {
    if (!allow_descriptors(2 * many + 100)) GTEST_SKIP() << "too few descriptors are allowed";
    for (std::size_t i = 0; i < many; ++i) {
      members.push_back(std::make_unique<Member>());
      Member& member = *members.back();
      member.drains = drains;
      const int fd = member.pair.ours.get();
      auto watch = reactor.watch(fd, Ready::read, member);
      ASSERT_TRUE(watch) << "watch of descriptor " << fd << ": " << watch.error().message();
      member.watch = std::move(*watch);
      write_all(member.pair.theirs.get(), "x");
    }
  }
  /// A test that may not, or cannot, ends.
  [[nodiscard]] static bool gathered() { return !IsSkipped() && !HasFatalFailure(); }

  std::vector<std::unique_ptr<Member>> members;
};
RONDO_ON_EVERY_BACKEND(Crowd);

TEST_P(Crowd, OfTwoThousandIsServedEachOnceATurn) {
  gather(true);
  if (!gathered()) return;
  std::size_t served = 0;
  for (int turn = 0; turn < 100 && served < many; ++turn) {
    for (const auto& member : members) member->in_turn = 0;
    run_turns(reactor, 1);
    served = 0;
    for (const auto& member : members) {
      ASSERT_LE(member->in_turn, 1) << "notified twice in one turn";
      served += member->served;
    }
  }
  EXPECT_EQ(served, many);
}

TEST_P(Crowd, OfFirehosesStarvesNoOther) {
  gather(false);
  if (!gathered()) return;
  constexpr int rounds = 3;
  int turns = 0;
  const auto fewest = [&] {
    int least = members.front()->calls;
    for (const auto& member : members) least = std::min(least, member->calls);
    return least;
  };
  for (; turns < 100 && fewest() < rounds; ++turns) run_turns(reactor, 1);
  EXPECT_GE(fewest(), rounds) << "after " << turns << " turns";
}

// Timers are checked between batches, however many events there are.
TEST_P(Crowd, DoesNotHoldUpTimersAndWork) {
  gather(false);
  if (!gathered()) return;
  int fired = 0;
  int worked = 0;
  Timer timer{reactor, [&] { ++fired; }};
  timer.arm_every(1ms);
  for (int turn = 1; turn <= 10; ++turn) {
    reactor.post([&] { ++worked; });
    kernel().pass(timer.deadline() - reactor.backend().now());
    run_turns(reactor, 1);
    EXPECT_GE(fired, turn);
    EXPECT_EQ(worked, turn);
  }
}

TEST_P(Crowd, MayLeaveAtOnce) {
  gather(true);
  if (!gathered()) return;
  bool left = false;
  members.front()->drains = false;
  reactor.defer([&] {
    members.clear();
    left = true;
  });
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(left);
}

class SteadyState : public ReactorOnEveryBackend {};
RONDO_ON_EVERY_BACKEND(SteadyState);

TEST_P(SteadyState, AllocatesNothingAndChangesNoInterest) {
  RONDO_NEEDS(no_memory);
  const Pair pair = unix_pair();
  char buffer[64];
  RecordingHandler echo{[&](Ready) {
    const long size = read_some(pair.ours.get(), buffer, sizeof buffer);
    if (size > 0) write_all(pair.ours.get(), {buffer, static_cast<std::size_t>(size)});
  }};
  RecordingHandler client{[&](Ready) {
    const long size = read_some(pair.theirs.get(), buffer, sizeof buffer);
    if (size > 0) write_all(pair.theirs.get(), {buffer, static_cast<std::size_t>(size)});
  }};
  const Watch first = reactor.watch(pair.ours.get(), Ready::read, echo).value();
  const Watch second = reactor.watch(pair.theirs.get(), Ready::read, client).value();
  write_all(pair.theirs.get(), "around and around");
  EXPECT_TRUE(run_until(reactor, [&] { return echo.calls > 50; }));
  const std::uint64_t before = allocations();
  EXPECT_TRUE(run_until(reactor, [&] { return echo.calls > 1000; }));
  EXPECT_EQ(allocations(), before);
  EXPECT_EQ(spy.watches, 2);
}

TEST_P(SteadyState, AllocatesNothingWhenInterestFlips) {
  RONDO_NEEDS(no_memory);
  const Pair pair = unix_pair();
  RecordingHandler handler;
  Watch watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  const auto flip = [&] {
    watch.set(Ready::none);
    run_turns(reactor, 2);
    watch.set(Ready::both);
    run_turns(reactor, 2);
  };
  for (int i = 0; i < 20; ++i) flip();
  const std::uint64_t before = allocations();
  for (int i = 0; i < 200; ++i) flip();
  EXPECT_EQ(allocations(), before);
}

}  // namespace
}  // namespace rondo::test
