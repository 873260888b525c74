// SPDX-License-Identifier: MIT
// A hosted reactor. The host is the test, with a clock of its own.
#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <rondo/timer.h>

#include "support/descriptor_census.h"
#include "support/manual_backend.h"
#include "support/recording_handler.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class HostedTest : public DescriptorCensus {
 private:
  std::unique_ptr<ManualHost> made_ = std::make_unique<ManualHost>();

 protected:
  HostedTest() : host(*made_), reactor(std::move(made_)) {}

  /// Steps until nothing keeps the host running. Returns the number of steps.
  int run_host() {
    int steps = 0;
    while (host.step()) ++steps;
    while (host.keeps_host() && steps < 1000) {
      host.step();  // counted below
      ++steps;
    }
    return steps;
  }

  ManualHost& host;
  Reactor reactor;
};

TEST_F(HostedTest, RefusesToRun) {
  EXPECT_EQ(reactor.run_once().error(), std::errc::operation_not_supported);
  reactor.defer([] {});
  EXPECT_EQ(reactor.run().error(), std::errc::operation_not_supported);
  EXPECT_EQ(reactor.run_for(1s).error(), std::errc::operation_not_supported);
}

TEST_F(HostedTest, HasNothingToStop) {
  const WorkGuard hold = reactor.work_guard();
  while (host.step()) {
  }
  reactor.stop();
  EXPECT_FALSE(host.step()) << "no turn is requested";
  EXPECT_TRUE(host.keeps_host());
}

TEST_F(HostedTest, CallsHandlersForWhatTheHostDelivers) {
  RecordingHandler handler;
  Watch watch = reactor.watch(7, Ready::read, handler).value();
  EXPECT_TRUE(host.is_registered(7));
  host.step();
  EXPECT_TRUE(host.keeps_host());
  host.set_ready(7, Ready::both);
  EXPECT_TRUE(host.step());
  EXPECT_EQ(handler.seen, Ready::read);
  watch.set(Ready::write);
  EXPECT_TRUE(host.step());
  EXPECT_EQ(host.interest_of(7), Ready::write) << "passed to the backend before the next poll";
  EXPECT_TRUE(host.step());
  EXPECT_EQ(handler.last, Ready::write);
  watch.cancel();
  EXPECT_FALSE(host.is_registered(7));
  host.step();
  EXPECT_FALSE(host.keeps_host());
}

TEST_F(HostedTest, RunsTimersAtTheirTime) {
  TimePoint fired{};
  Timer timer{reactor, [&] { fired = reactor.now(); }};
  const TimePoint start = host.time();
  timer.arm_after(5s);
  run_host();
  EXPECT_EQ(fired, start + 5s);
  EXPECT_FALSE(host.keeps_host());
}

TEST_F(HostedTest, RunsWorkAndWorkOfWork) {
  std::vector<int> order;
  reactor.post([&] {
    order.push_back(1);
    reactor.defer([&] { order.push_back(2); });
  });
  run_host();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST_F(HostedTest, LetsTheHostEndWhenNothingIsReferenced) {
  std::optional<WorkGuard> hold{reactor.work_guard()};
  host.step();
  EXPECT_TRUE(host.keeps_host());
  hold.reset();
  host.step();
  EXPECT_FALSE(host.keeps_host());
  Timer timer{reactor, [] {}};
  timer.arm_after(1h);
  host.step();
  timer.unref();
  host.step();
  EXPECT_FALSE(host.keeps_host());
}

TEST_F(HostedTest, AsksForNoTurnWhileItHasNothingToDo) {
  Timer timer{reactor, [] {}};
  timer.arm_after(1s);
  run_host();
  EXPECT_EQ(host.armed(), never);
  EXPECT_FALSE(host.step());
  timer.arm_after(1h);
  timer.unref();
  while (host.armed() <= host.time()) host.step();
  EXPECT_EQ(host.armed(), timer.deadline()) << "though it does not keep the host running";
}

TEST_F(HostedTest, HandsExceptionsToTheHookAndDoesTheRest) {
  std::vector<std::string> caught;
  reactor.set_exception_handler([&](std::exception_ptr exception) {
    try {
      std::rethrow_exception(exception);
    } catch (const std::runtime_error& error) {
      caught.push_back(error.what());
    }
  });
  int done = 0;
  RecordingHandler handler;
  Watch watch = reactor.watch(7, Ready::read, handler).value();
  handler.then = [&](Ready) {
    watch.cancel();
    throw std::runtime_error("handler");
  };
  host.set_ready(7, Ready::read);
  reactor.defer([] { throw std::runtime_error("work"); });
  reactor.defer([&] { ++done; });
  Timer first{reactor, [] { throw std::runtime_error("timer"); }};
  Timer second{reactor, [&] { ++done; }};
  first.arm_at(host.time());
  second.arm_at(host.time());
  run_host();
  std::sort(caught.begin(), caught.end());
  EXPECT_EQ(caught, (std::vector<std::string>{"handler", "timer", "work"}));
  EXPECT_EQ(done, 2);
}

TEST_F(HostedTest, LetsTheHookSetAnotherHook) {
  int first = 0;
  int second = 0;
  auto kept = std::make_unique<int>(7);
  reactor.set_exception_handler(
      [this, &first, &second, kept = std::move(kept)](std::exception_ptr) {
        reactor.set_exception_handler([&second](std::exception_ptr) { ++second; });
        first += *kept;  // this handler is still installed
      });
  reactor.defer([] { throw std::runtime_error("first"); });
  reactor.defer([] { throw std::runtime_error("second"); });
  run_host();
  EXPECT_EQ(first, 7);
  EXPECT_EQ(second, 1);
}

using HostedDeathTest = HostedTest;
TEST_F(HostedDeathTest, TerminatesOnAnExceptionWithoutAHook) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  reactor.defer([] { throw std::runtime_error("ignored"); });
  EXPECT_DEATH(run_host(), "");
}

}  // namespace
}  // namespace rondo::test
