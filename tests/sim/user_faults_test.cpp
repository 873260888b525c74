// SPDX-License-Identifier: MIT
// Faults that a program makes itself: it throws, destroys objects in callbacks, runs out of memory.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "conversation.h"
#include "support/allocation_counter.h"

namespace rondo::sim {
namespace {

using namespace std::chrono_literals;

struct Oops : std::runtime_error {
  Oops() : std::runtime_error("oops") {}
};

class UserFaults : public Conversation {
 protected:
  ~UserFaults() override {
    // The predicate exists, or it never did.
    (void)test::fail_allocations_when(nullptr);
  }

  /// Continues after each exception. Returns their number.
  int run_through(Duration duration) {
    const TimePoint end = world.now() + duration;
    for (int thrown = 0;; ++thrown) {
      try {
        world.run_for(end - world.now());
        return thrown;
      } catch (const Oops&) {
      }
    }
  }
};

TEST_F(UserFaults, ExceptionLeavesTheCallThatRunsTheWorld) {
  Timer timer{client, [] { throw Oops{}; }};
  timer.arm_after(1s);
  EXPECT_THROW(world.run_for(1min), Oops);
  EXPECT_EQ(world.now(), TimePoint{1h} + 1s) << "the time of the exception";
  timer.arm_after(1s);
  EXPECT_THROW(EXPECT_TRUE(world.run()), Oops);
  timer.arm_after(1s);
  EXPECT_THROW(EXPECT_FALSE(world.run_until([] { return false; }, 1min)), Oops);
  EXPECT_TRUE(world.run());
}

TEST_F(UserFaults, ExceptionsOfOneTurnComeOneByOneAndTheRestIsDone) {
  std::vector<int> done;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 5; ++i) {
    timers.push_back(std::make_unique<Timer>(client, [&done, i] {
      done.push_back(i);
      if (i % 2 == 0) throw Oops{};
    }));
    timers.back()->arm_after(1s);
  }
  client.defer([] { throw Oops{}; });
  EXPECT_EQ(run_through(2s), 4);
  EXPECT_EQ(done, (std::vector{0, 1, 2, 3, 4}));
}

TEST_F(UserFaults, ExceptionsOfWorkAndOfATimerInOneTurnAreBothReported) {
  Timer timer{client, [] { throw Oops{}; }};
  timer.arm_at(client.now());
  client.defer([] { throw Oops{}; });
  EXPECT_THROW(world.run_for(0s), Oops);
  EXPECT_THROW(world.run_for(0s), Oops);
  EXPECT_NO_THROW(world.run_for(1s));
}

TEST_F(UserFaults, ExceptionOfASessionEndsItAlone) {
  struct Picky final : Session {
    void on_data(Stream& stream, Bytes data) override {
      if (data.size() == 4) throw Oops{};
      stream.write(data);
    }
  };
  auto picky = serve<Picky>(server, "10.0.0.1:7000");
  int reported = 0;
  picky->set_error_handler([&](const std::exception_ptr&) { ++reported; });
  Listener bad;
  Listener good{5};
  const auto one = talk(bad);
  const auto other = talk(good);
  one->write("oops");
  other->write("hello");
  EXPECT_EQ(run_through(1s), 0);
  EXPECT_EQ(reported, 1);
  EXPECT_EQ(bad.reason, CloseReason::reset);
  EXPECT_EQ(good.heard, "hello");
  EXPECT_EQ(good.reason, CloseReason::eof);
  EXPECT_EQ(picky->connections(), 0u);
}

TEST_F(UserFaults, HookOfTheReactorHasTheFirstWord) {
  int hooked = 0;
  client.set_exception_handler([&](const std::exception_ptr&) { ++hooked; });
  client.defer([] { throw Oops{}; });
  EXPECT_NO_THROW(world.run_for(1s));
  EXPECT_EQ(hooked, 1);
}

TEST_F(UserFaults, ExceptionLeavesTheReactorThatDrivesTheWorld) {
  Reactor driver{world.host("10.0.0.3").driving_backend()};
  Timer mine{driver, [] { throw Oops{}; }};
  Timer another{client, [] { throw Oops{}; }};
  mine.arm_after(1s);
  another.arm_after(2s);
  Timer last{driver, [] {}};
  last.arm_after(3s);
  EXPECT_THROW(EXPECT_TRUE(driver.run()), Oops);
  EXPECT_THROW(EXPECT_TRUE(driver.run()), Oops);
  EXPECT_TRUE(driver.run());
  EXPECT_EQ(world.now(), TimePoint{1h} + 3s);
}

TEST_F(UserFaults, AreDrawnCountedAndTraced) {
  std::string lines;
  world.on_trace([&](std::string_view line) { lines += std::string{line} + '\n'; });
  for (const Fault fault :
       {Fault::throwing_callback, Fault::destroying_callback, Fault::stopping_callback}) {
    EXPECT_FALSE(world.faults().strikes(fault));
    world.faults().set(fault, 1);
    EXPECT_TRUE(world.faults().strikes(fault));
    EXPECT_EQ(world.faults().count(fault), 1u);
    EXPECT_NE(lines.find(name_of(fault)), std::string::npos) << lines;
  }
}

TEST_F(UserFaults, FailedAllocationsAreOnlyInCallbacks) {
  if (!test::fail_allocations_when(allocation_fails)) {
    GTEST_SKIP() << "this build has an operator new of its own";
  }
  int failed = 0;
  const auto allocate = [&failed] {
    try {
      delete new int{1};  // a vector would allocate as well, but the compiler may remove that
      auto* volatile one = new int{1};
      delete one;
    } catch (const std::bad_alloc&) {
      ++failed;
    }
  };
  Timer timer{client, allocate};
  client.defer(allocate);
  timer.arm_after(1s);
  world.faults().set(Fault::failed_allocation, 1);
  allocate();
  EXPECT_EQ(failed, 0) << "no callback failed";
  EXPECT_NO_THROW(world.run_for(2s)) << "the world itself has memory";
  EXPECT_EQ(failed, 2);
  EXPECT_GE(world.faults().count(Fault::failed_allocation), 2u);
}

TEST_F(UserFaults, FailedAllocationOfASessionReachesTheCaller) {
  if (!test::fail_allocations_when(allocation_fails)) {
    GTEST_SKIP() << "this build has an operator new of its own";
  }
  auto echo = serve_echo();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  ASSERT_TRUE(listener.opened);
  client.defer([] { throw std::bad_alloc{}; });
  EXPECT_THROW(world.run_for(1s), std::bad_alloc);
  // Sooner or later an allocation fails. The next conversation must succeed again.
  world.faults().set(Fault::failed_allocation, 0.5);
  stream->write("hello");
  for (int i = 0; i < 100; ++i) {
    try {
      world.run_for(1s);
    } catch (const std::bad_alloc&) {
    }
  }
  world.faults().clear();
  Listener second{5};
  const auto another = talk(second);
  another->write("hello");
  world.run_for(1s);
  EXPECT_EQ(second.heard, "hello");
}

// Found by a seed: if the answer could neither be sent nor kept, its call seemed to run for ever,
// and no stream of the reactor was served.
TEST_F(UserFaults, FailedAllocationForAnAnswerEndsOneStream) {
  if (!test::fail_allocations_when(allocation_fails)) {
    GTEST_SKIP() << "this build has an operator new of its own";
  }
  auto echo = serve_echo();
  Listener bad;
  Listener good{5};
  const auto one = talk(bad);
  const auto other = talk(good);
  world.run_for(1s);
  one->write("hello");
  one->flush();
  world.faults().set(Fault::broken_pipe, 1);
  world.faults().set(Fault::failed_allocation, 1);
  EXPECT_THROW(world.run_for(1s), std::bad_alloc);
  world.faults().clear();
  other->write("hello");
  world.run_for(1s);
  EXPECT_EQ(good.heard, "hello");
  EXPECT_EQ(bad.reason, CloseReason::reset);
  EXPECT_EQ(echo->connections(), 0u);
}

// Found by seed 73846: the world could not release the state of a pending question.
TEST_F(UserFaults, LookupsAreCancelledWithoutMemory) {
  if (!test::fail_allocations_when(allocation_fails)) {
    GTEST_SKIP() << "this build has an operator new of its own";
  }
  world.name("example.org", {"10.0.0.1"});
  world.name_latency(1s);
  Listener listener;
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < 20; ++i) streams.push_back(talk(listener, "example.org:7000"));
  world.run_for(100ms);
  client.defer([&] { streams.clear(); });
  world.faults().set(Fault::failed_allocation, 1);
  EXPECT_NO_THROW(world.run_for(10s));
  EXPECT_TRUE(streams.empty());
}

// Found by a seed: it never reconnected.
TEST_F(UserFaults, FailedAllocationPausesAReconnector) {
  if (!test::fail_allocations_when(allocation_fails)) {
    GTEST_SKIP() << "this build has an operator new of its own";
  }
  Listener listener;
  StreamHandler& handler = listener;
  Reconnector reconnector{client, "10.0.0.1:7000", handler, {.backoff = {.seed = 1}}};
  EXPECT_TRUE(world.run_until([&] { return listener.closes == 1; }, 1min)) << "refused";
  world.faults().set(Fault::failed_allocation, 1);
  EXPECT_THROW(world.run_for(1min), std::bad_alloc);
  world.faults().clear();
  auto echo = serve_echo();
  EXPECT_TRUE(world.run_until([&] { return listener.opened; }, 5min));
}

}  // namespace
}  // namespace rondo::sim
