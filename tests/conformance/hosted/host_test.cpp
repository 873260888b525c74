// SPDX-License-Identifier: MIT
// What a loop that hosts a reactor must do, whatever loop it is.
#include <signal.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <rondo/before_wait.h>
#include <rondo/signal.h>
#include <rondo/stream.h>
#include <rondo/timer.h>

#include "support/descriptor_census.h"
#include "support/descriptors.h"
#include "support/hosts_under_test.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class Hosting : public testing::WithParamInterface<HostUnderTest>, public DescriptorCensus {
 protected:
  /// Runs the host until `done()`. Returns false if that takes longer than `patience`.
  template <typename Done>
  [[nodiscard]] bool run_until(Done done) {
    for (const TimePoint end = Clock::now() + patience; Clock::now() < end;) {
      if (done()) return true;
      host->run_once(10ms);
    }
    return done();
  }
  void run_rounds(int count) {
    for (int round = 0; round < count; ++round) host->run_once(Duration::zero());
  }

  std::unique_ptr<Host> host = GetParam().make();
  Reactor reactor{host->backend()};
};
INSTANTIATE_TEST_SUITE_P(Hosts, Hosting, testing::ValuesIn(hosts_under_test()),
                         [](const auto& host) { return host.param.name; });

TEST_P(Hosting, IsNotRunByTheReactor) {
  const WorkGuard guard = reactor.work_guard();
  EXPECT_EQ(reactor.run().error(), std::errc::operation_not_supported);
  EXPECT_EQ(reactor.run_once().error(), std::errc::operation_not_supported);
  EXPECT_EQ(reactor.poll_fd().error(), std::errc::operation_not_supported);
}

TEST_P(Hosting, DeliversReadinessUntilItIsUsed) {
  const Pair pair = unix_pair();
  RecordingHandler handler;
  const Watch watch = reactor.watch(pair.ours.get(), Ready::read, handler).value();
  run_rounds(3);
  EXPECT_EQ(handler.calls, 0);
  write_all(pair.theirs.get(), "hello");
  EXPECT_TRUE(run_until([&] { return handler.calls >= 3; })) << "level-triggered";
  EXPECT_EQ(handler.seen, Ready::read);
  EXPECT_EQ(read_all(pair.ours.get()), "hello");
}

TEST_P(Hosting, FollowsChangesOfInterest) {
  const Pair pair = unix_pair();
  RecordingHandler handler;
  Watch watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  EXPECT_TRUE(run_until([&] { return handler.seen == Ready::write; }));
  watch.set(Ready::read);
  handler.seen = Ready::none;
  run_rounds(5);
  EXPECT_EQ(handler.seen, Ready::none);
  write_all(pair.theirs.get(), "hello");
  EXPECT_TRUE(run_until([&] { return handler.seen == Ready::read; }));
  watch.set(Ready::none);
  handler.calls = 0;
  run_rounds(5);
  EXPECT_EQ(handler.calls, 0);
  watch.set(Ready::both);
  handler.seen = Ready::none;
  EXPECT_TRUE(run_until([&] { return handler.seen == Ready::both; }));
}

// Right after the call of one handler, another may not exist any more.
TEST_P(Hosting, ReportsNothingAfterTheEndOfAWatch) {
  const Pair first = unix_pair();
  const Pair second = unix_pair();
  std::optional<Watch> watches[2];
  int calls = 0;
  RecordingHandler handler{[&](Ready) {
    ++calls;
    watches[0].reset();
    watches[1].reset();
  }};
  watches[0] = reactor.watch(first.ours.get(), Ready::write, handler).value();
  watches[1] = reactor.watch(second.ours.get(), Ready::write, handler).value();
  EXPECT_TRUE(run_until([&] { return calls > 0; }));
  run_rounds(5);
  EXPECT_EQ(calls, 1);
}

TEST_P(Hosting, SleepsWhileAPausedDescriptorIsReady) {
  Pair pair = unix_pair();
  pair.theirs.close();
  RecordingHandler handler;
  Watch watch = reactor.watch(pair.ours.get(), Ready::both, handler).value();
  EXPECT_TRUE(run_until([&] { return handler.calls > 0; }));
  watch.set(Ready::none);
  run_rounds(5);
  handler.calls = 0;
  Timer end{reactor, [] {}};
  end.arm_after(20ms);
  int rounds = 0;
  for (; end.armed() && rounds < 1000; ++rounds) host->run_once(20ms);
  EXPECT_LE(rounds, 100) << "it spins";
  EXPECT_EQ(handler.calls, 0);
}

TEST_P(Hosting, FiresTimersInTheirOrderAndNeverEarly) {
  std::vector<int> fired;
  const TimePoint start = reactor.now();
  std::vector<std::unique_ptr<Timer>> timers;
  for (const int ms : {5, 0, 2, 9}) {
    timers.push_back(std::make_unique<Timer>(reactor, [&, ms] {
      fired.push_back(ms);
      EXPECT_GE(reactor.now(), start + std::chrono::milliseconds{ms});
    }));
    timers.back()->arm_at(start + std::chrono::milliseconds{ms});
  }
  EXPECT_TRUE(run_until([&] { return fired.size() == 4; }));
  EXPECT_EQ(fired, (std::vector{0, 2, 5, 9}));
}

// The host sleeps until then, and not until `wait_max`.
TEST_P(Hosting, SleepsNoLongerThanUntilTheNextTimer) {
  bool fired = false;
  Timer timer{reactor, [&] { fired = true; }};
  timer.arm_after(5ms);
  const TimePoint start = Clock::now();
  for (int round = 0; round < 100 && !fired; ++round) host->run_once(patience);
  EXPECT_TRUE(fired);
  EXPECT_LT(Clock::now() - start, patience);
}

TEST_P(Hosting, RunsWorkAndWorkOfWork) {
  std::string order;
  reactor.defer([&] {
    order += '1';
    reactor.defer([&] {
      order += '2';
      reactor.post([&] { order += '3'; });
    });
  });
  const TimePoint start = Clock::now();
  for (int round = 0; round < 100 && order.size() < 3; ++round) host->run_once(patience);
  EXPECT_EQ(order, "123");
  EXPECT_LT(Clock::now() - start, patience) << "it does not sleep while there is work";
}

TEST_P(Hosting, IsWokenByPostsOfThreads) {
  constexpr int many = 200;
  std::atomic<int> done = 0;
  std::thread poster{[&] {
    for (int i = 0; i < many; ++i) {
      reactor.post([&] { ++done; });
      while (done <= i) std::this_thread::yield();
    }
  }};
  const TimePoint start = Clock::now();
  while (done < many && Clock::now() - start < patience) host->run_once(patience);
  poster.join();
  EXPECT_EQ(done, many);
}

TEST_P(Hosting, CallsSignals) {
  int calls = 0;
  const Signal signal{reactor, SIGUSR1, [&] { ++calls; }};
  run_rounds(3);
  ASSERT_EQ(::raise(SIGUSR1), 0);
  EXPECT_TRUE(run_until([&] { return calls == 1; }));
}

TEST_P(Hosting, CarriesAStream) {
  struct Echo final : StreamHandler {
    void on_data(Stream& stream, Bytes data) override { stream.write(data); }
  } echo;
  struct Client final : StreamHandler {
    void on_data(Stream&, Bytes data) override { received += data.size(); }
    void on_close(Stream&, const Close& why) override { closed = why.reason; }
    std::size_t received = 0;
    std::optional<CloseReason> closed;
  } client;
  Pair pair = unix_pair();
  const auto theirs =
      Stream::adopt(reactor, Socket{reactor.net(), pair.theirs.release()}, echo).value();
  const auto ours =
      Stream::adopt(reactor, Socket{reactor.net(), pair.ours.release()}, client).value();
  const std::vector<std::byte> much(std::size_t{1} << 20U);
  ours->write(much);
  EXPECT_TRUE(run_until([&] { return client.received == much.size(); }));
  ours->shutdown_output();
  EXPECT_TRUE(run_until([&] { return client.closed.has_value(); }));
  EXPECT_EQ(client.closed, CloseReason::eof);
}

TEST_P(Hosting, IsKeptWhileTheReactorWaitsForSomething) {
  run_rounds(3);
  EXPECT_FALSE(host->is_kept());
  std::optional<WorkGuard> guard{reactor.work_guard()};
  run_rounds(3);
  EXPECT_TRUE(host->is_kept());
  guard.reset();
  run_rounds(3);
  EXPECT_FALSE(host->is_kept());
  Timer timer{reactor, [] {}};
  timer.arm_after(1h);
  run_rounds(3);
  EXPECT_TRUE(host->is_kept());
  timer.unref();
  run_rounds(3);
  EXPECT_FALSE(host->is_kept());
}

TEST_P(Hosting, GivesExceptionsToTheHandlerAndDoesTheRest) {
  std::string caught;
  reactor.set_exception_handler([&](std::exception_ptr exception) {
    try {
      std::rethrow_exception(exception);
    } catch (const std::runtime_error& error) {
      caught += error.what();
    }
  });
  const Pair pair = unix_pair();
  std::optional<Watch> watch;
  RecordingHandler handler{[&](Ready) {
    watch.reset();
    throw std::runtime_error{"h"};
  }};
  watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  Timer timer{reactor, [] { throw std::runtime_error{"t"}; }};
  timer.arm_after(5ms);
  bool did = false;
  reactor.defer([] { throw std::runtime_error{"w"}; });
  reactor.defer([&] { did = true; });
  EXPECT_TRUE(run_until([&] { return caught.size() == 3 && did; })) << caught << did;
}

TEST_P(Hosting, CallsHooksBeforeItSleeps) {
  bool did = false;
  std::optional<BeforeWait> hook;
  hook.emplace(reactor, [&] {
    hook.reset();
    reactor.defer([&] { did = true; });
  });
  const TimePoint start = Clock::now();
  for (int round = 0; round < 100 && !did; ++round) host->run_once(patience);
  EXPECT_TRUE(did);
  EXPECT_LT(Clock::now() - start, patience);
}

}  // namespace
}  // namespace rondo::test
