// SPDX-License-Identifier: MIT
// Programs that are coroutines: their exit codes, what they print, and signals.
#include <rondo/run.h>

#include <gtest/gtest.h>
#include <signal.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include <rondo/combine.h>
#include <rondo/sleep.h>
#include <rondo/task_group.h>

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

/// What it has written to standard error.
template <typename F>
std::string errors_of(F program, int exit_code) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run(program), exit_code);
  return testing::internal::GetCapturedStderr();
}

TEST(RunTest, ReturnsTheExitCode) {
  EXPECT_EQ(run([](Reactor&) -> Task<int> { co_return 7; }), 7);
  EXPECT_EQ(run([](Reactor&) -> Task<> { co_await sleep(1ms); }), EXIT_SUCCESS);
}

TEST(RunTest, EndsWithTheProgramWhateverElseTheReactorHasToDo) {
  EXPECT_EQ(run([](Reactor& reactor) -> Task<int> {
              const WorkGuard guard = reactor.work_guard();
              co_return 3;
            }),
            3);
}

TEST(RunTest, PrintsTheExceptionThatLeavesTheProgram) {
  const auto throws = [](Reactor&) -> Task<> {
    co_await sleep(1ms);
    throw std::runtime_error("no disk");
  };
  EXPECT_EQ(errors_of(throws, EXIT_FAILURE), "no disk\n");
  const auto throws_a_number = [](Reactor&) -> Task<> {
    throw 7;
    co_return;
  };
  EXPECT_EQ(errors_of(throws_a_number, EXIT_FAILURE),
            "an exception that is no std::exception has left the program\n");
}

TEST(RunTest, SaysWhatAProgramWaitsForThatCannotHappen) {
  const auto waits = [](Reactor&) -> Task<> {
    Event event;
    co_await event.wait();
  };
  const std::string said = errors_of(waits, EXIT_FAILURE);
  EXPECT_TRUE(said.starts_with("the program waits for what cannot happen:\nEvent::wait, 0."))
      << said;
  const std::string_view places = std::string_view{said}.substr(said.find(" s: "));
  EXPECT_NE(places.find("run_test.cpp:"), std::string::npos) << said;
  EXPECT_EQ(places.find('\n'), places.size() - 1) << said;
}

TEST(RunTest, LetsAProgramEndThatWaitsForASignal) {
  EXPECT_EQ(run([](Reactor& reactor) -> Task<int> {
              const auto interrupts = []() -> Task<> {
                ::raise(SIGINT);
                co_return;
              };
              TaskGroup group{reactor};
              group.spawn(interrupts());
              co_await stopping();
              co_await stopping();  // it stays so
              co_return 5;
            }),
            5);
}

TEST(RunTest, KeepsASignalForAProgramThatWillAwaitItAgain) {
  const auto program = [](Reactor&) -> Task<int> {
    const auto early = co_await timeout(1ms, stopping());
    ::raise(SIGINT);  // at this moment no task waits for it
    co_await sleep(1ms);
    const auto later = co_await timeout(1h, stopping());
    co_return early ? 1 : later ? 5 : 2;
  };
  EXPECT_EQ(run(program), 5);
}

TEST(RunTest, CancelsAProgramThatDoesNotWaitForASignal) {
  bool destroyed = false;
  struct Notes {
    bool& destroyed;
    ~Notes() { destroyed = true; }
  };
  const auto program = [&](Reactor&) -> Task<> {
    const Notes notes{destroyed};
    ::raise(SIGTERM);
    co_await sleep(1h);
  };
  EXPECT_EQ(run(program), 128 + SIGTERM);
  EXPECT_TRUE(destroyed);
}

TEST(RunTest, CancelsAProgramThatTakesTooLongToStop) {
  const auto program = [](Reactor& reactor) -> Task<> {
    const auto interrupts = []() -> Task<> {
      ::raise(SIGINT);
      co_return;
    };
    TaskGroup group{reactor};
    group.spawn(interrupts());
    co_await stopping();
    co_await sleep(1h);
  };
  EXPECT_EQ(run(program, {.stop_timeout = 1ms}), 128 + SIGINT);
}

TEST(RunTest, CanBeStoppedByTheProgramItself) {
  EXPECT_EQ(run([](Reactor& reactor) -> Task<int> {
              const auto stops = [](Reactor& one) -> Task<> {
                request_stop(one);
                co_return;
              };
              TaskGroup group{reactor};
              group.spawn(stops(reactor));
              co_await stopping();
              co_return 4;
            }),
            4);
}

}  // namespace
}  // namespace rondo::test
