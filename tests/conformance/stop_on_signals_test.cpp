// SPDX-License-Identifier: MIT
// Ctrl-C in one line.
#include <signal.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <rondo/client.h>
#include <rondo/server.h>
#include <rondo/signal.h>
#include <rondo/stop_on_signals.h>
#include <rondo/timer.h>

#include "support/child_process.h"
#include "support/on_every_backend.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

void send_to_self(int number) { ASSERT_EQ(::raise(number), 0); }

class StoppingOnSignals : public ReactorOnEveryBackend {};
RONDO_ON_EVERY_BACKEND(StoppingOnSignals);

TEST_P(StoppingOnSignals, EndsRunAtTheFirstOne) {
  for (const int number : {SIGINT, SIGTERM}) {
    const StopOnSignals stop{reactor};
    EXPECT_EQ(stop.signal(), 0);
    const WorkGuard guard = reactor.work_guard();
    send_to_self(number);
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(stop.signal(), number);
  }
}

TEST_P(StoppingOnSignals, DoesNotKeepRunFromReturning) {
  const StopOnSignals stop{reactor};
  EXPECT_FALSE(reactor.alive());
  EXPECT_TRUE(reactor.run());
}

TEST_P(StoppingOnSignals, RestoresTheHandlers) {
  struct sigaction before{};
  struct sigaction after{};
  ASSERT_EQ(::sigaction(SIGINT, nullptr, &before), 0);
  {
    const StopOnSignals stop{reactor};
  }
  ASSERT_EQ(::sigaction(SIGINT, nullptr, &after), 0);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
}

TEST_P(StoppingOnSignals, BeginsTheEndAndWaitsForIt) {
  Timer end{reactor, [] {}};
  int begins = 0;
  const StopOnSignals stop{reactor, [&] {
                             ++begins;
                             end.arm_after(5ms);
                           }};
  std::optional<WorkGuard> guard{reactor.work_guard()};
  send_to_self(SIGTERM);
  EXPECT_TRUE(run_until(reactor, [&] { return begins == 1; }));
  guard.reset();
  EXPECT_TRUE(reactor.run());
  EXPECT_FALSE(end.armed()) << "it has waited for the timer";
  EXPECT_EQ(begins, 1);
}

TEST_P(StoppingOnSignals, EndsAfterTheTimeoutAtTheLatest) {
  const StopOnSignals stop{reactor, [] {}, 5ms};
  const WorkGuard guard = reactor.work_guard();
  send_to_self(SIGINT);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(stop.signal(), SIGINT);
}

TEST_P(StoppingOnSignals, EndsAtOnceAtTheSecondOne) {
  int begins = 0;
  const StopOnSignals stop{reactor, [&] { ++begins; }, forever};
  const WorkGuard guard = reactor.work_guard();
  send_to_self(SIGINT);
  EXPECT_TRUE(run_until(reactor, [&] { return begins == 1; }));
  send_to_self(SIGTERM);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(begins, 1);
  EXPECT_EQ(stop.signal(), SIGINT) << "the first";
}

TEST_P(StoppingOnSignals, CountsTwoThatArriveBeforeATurn) {
  const StopOnSignals stop{reactor, [] {}, forever};
  const WorkGuard guard = reactor.work_guard();
  send_to_self(SIGINT);
  send_to_self(SIGINT);
  EXPECT_TRUE(reactor.run());
}

TEST_P(StoppingOnSignals, IsKilledByTheThirdOne) {
  EXPECT_EQ(in_child([&] {
              const StopOnSignals stop{reactor, [] {}, forever};
              const WorkGuard guard = reactor.work_guard();
              (void)::raise(SIGINT);  // cannot fail
              (void)::raise(SIGINT);  // as above
              RONDO_CHILD_REQUIRE(reactor.run());
              (void)::raise(SIGINT);  // as above
              return 0;
            }),
            -SIGINT);
}

/// SIGINT or SIGTERM for each bit of `order`, from the lowest on.
std::array<int, 3> three_signals(unsigned order) {
  std::array<int, 3> numbers{};
  for (unsigned i = 0; i < 3; ++i) numbers[i] = (order >> i & 1U) != 0 ? SIGTERM : SIGINT;
  return numbers;
}

// The reactor notices nothing, because a callback does not return.
TEST_P(StoppingOnSignals, IsKilledByTheThirdOneInsideACallbackToo) {
  for (unsigned order = 0; order < 8; ++order) {
    const std::array<int, 3> numbers = three_signals(order);
    EXPECT_EQ(in_child([&] {
                const StopOnSignals stop{reactor, [] {}, forever};
                reactor.defer([&] {
                  for (const int number : numbers) (void)::raise(number);  // as above
                });
                (void)reactor.run();  // does not return
                return 0;
              }),
              -numbers[2])
        << "order " << order;
  }
}

TEST_P(StoppingOnSignals, IsKilledByTheThirdOneIfBeginDoesNotReturn) {
  for (unsigned order = 0; order < 8; ++order) {
    const std::array<int, 3> numbers = three_signals(order);
    EXPECT_EQ(in_child([&] {
                const auto hangs = [&] {
                  (void)::raise(numbers[1]);  // as above
                  (void)::raise(numbers[2]);  // as above
                };
                const StopOnSignals stop{reactor, hangs, forever};
                const WorkGuard guard = reactor.work_guard();
                (void)::raise(numbers[0]);  // as above
                (void)reactor.run();        // does not return
                return 0;
              }),
              -numbers[2])
        << "order " << order;
  }
}

TEST_P(StoppingOnSignals, IsKilledByTheThirdOneThoughTheProgramHandlesIt) {
  EXPECT_EQ(in_child([&] {
              const Signal own{reactor, SIGINT, [] {}};
              const StopOnSignals stop{reactor, [] {}, forever};
              const WorkGuard guard = reactor.work_guard();
              (void)::raise(SIGINT);   // as above
              (void)::raise(SIGTERM);  // as above
              RONDO_CHILD_REQUIRE(reactor.run());
              (void)::raise(SIGINT);  // as above
              return 0;
            }),
            -SIGINT);
}

TEST_P(StoppingOnSignals, CountsAnewForTheNextOne) {
  const Signal own{reactor, SIGINT, [] {}};
  for (int i = 0; i < 4; ++i) {
    const StopOnSignals stop{reactor};
    send_to_self(SIGINT);
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(stop.signal(), SIGINT);
  }
  for (int i = 0; i < 3; ++i) send_to_self(SIGINT);  // it ends nothing: there is no StopOnSignals
  EXPECT_TRUE(reactor.run_once(Duration::zero()));
}

TEST_P(StoppingOnSignals, EndsRunOnceIfTwoOfDifferentNumbersAreNoticedTogether) {
  int begins = 0;
  const StopOnSignals stop{reactor, [&] { ++begins; }, forever};
  send_to_self(SIGINT);
  send_to_self(SIGTERM);
  const WorkGuard guard = reactor.work_guard();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(begins, 0);
  bool has_run = false;
  reactor.defer([&] {
    has_run = true;
    reactor.stop();
  });
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(has_run);
}

TEST_P(StoppingOnSignals, MayBeDestroyedWhenItBegins) {
  std::optional<StopOnSignals> stop;
  int begins = 0;
  stop.emplace(reactor, [&] {
    stop.reset();
    ++begins;
    reactor.stop();
  });
  const WorkGuard guard = reactor.work_guard();
  send_to_self(SIGINT);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(begins, 1);
}

struct Silent final : StreamHandler {
  void on_data(Stream&, Bytes) override {}
  void on_open(Stream&) override { is_open = true; }
  void on_close(Stream&, const Close& why) override { closed = why.reason; }
  bool is_open = false;
  std::optional<CloseReason> closed;
};

struct Polite final : Session {
  explicit Polite(int& all) : drains(all) {}
  void on_data(Stream&, Bytes) override {}
  void on_drain(Stream& client) override {
    ++drains;
    client.write("bye");
    client.close();
  }
  int& drains;
};

TEST_P(StoppingOnSignals, DrainsAServer) {
  int drains = 0;
  auto server = serve<Polite>(reactor, "127.0.0.1:0", {}, drains).value();
  const StopOnSignals stop{reactor, server};
  Silent client;
  const auto stream = connect(reactor, server.local_endpoint().to_string(), client);
  EXPECT_TRUE(run_until(reactor, [&] { return client.is_open && server.connections() == 1; }));
  const WorkGuard guard = reactor.work_guard();  // other things may be left
  send_to_self(SIGINT);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(drains, 1);
  EXPECT_EQ(server.connections(), 0U);
}

/// Its sessions end late: it reports the end when its timeout has passed already.
struct SlowServer {
  Timer end;
  Function<void()> report;
  explicit SlowServer(Reactor& reactor) : end(reactor, [this] { report(); }) {}
  void drain(Duration timeout, Function<void()> done) {
    report = std::move(done);
    end.arm_after(timeout + 50ms);
  }
};

TEST_P(StoppingOnSignals, WaitsUntilTheServerReportsItsEnd) {
  SlowServer server{reactor};
  const StopOnSignals stop{reactor, server, 1ms};
  const WorkGuard guard = reactor.work_guard();
  send_to_self(SIGINT);
  EXPECT_TRUE(reactor.run());
  EXPECT_FALSE(server.end.armed());
}

TEST_P(StoppingOnSignals, EndsRunThoughTheServerNeverReportsItsEnd) {
  if (GetParam().name != "sim") GTEST_SKIP() << "it takes more than a second";
  struct Mute {
    void drain(Duration, Function<void()>) { ++drains; }
    int drains = 0;
  } server;
  const StopOnSignals stop{reactor, server, 1ms};
  const WorkGuard guard = reactor.work_guard();
  send_to_self(SIGINT);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(server.drains, 1);
}

struct Stubborn final : Session {
  explicit Stubborn(std::optional<CloseReason>& closed) : why(closed) {}
  void on_data(Stream&, Bytes) override {}
  void on_drain(Stream&) override {}  // it stays
  void on_close(Stream&, const Close& close) override { why = close.reason; }
  std::optional<CloseReason>& why;
};

TEST_P(StoppingOnSignals, EndsTheSessionsAfterTheTimeoutBeforeRunReturns) {
  std::optional<CloseReason> closed;
  auto server = serve<Stubborn>(reactor, "127.0.0.1:0", {}, closed).value();
  const StopOnSignals stop{reactor, server, 1ms};
  Silent client;
  const auto stream = connect(reactor, server.local_endpoint().to_string(), client);
  EXPECT_TRUE(run_until(reactor, [&] { return client.is_open && server.connections() == 1; }));
  const WorkGuard guard = reactor.work_guard();
  send_to_self(SIGINT);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(closed, CloseReason::aborted);
  EXPECT_EQ(server.connections(), 0U);
}

TEST_P(StoppingOnSignals, FailsWhereTooManyReactorsListen) {
  std::vector<std::unique_ptr<Reactor>> reactors;
  std::vector<Signal> signals;
  for (;;) {
    reactors.push_back(std::make_unique<Reactor>(GetParam().make()));
    auto signal = Signal::make(*reactors.back(), SIGUSR1, [] {});
    if (!signal) break;
    signals.push_back(std::move(*signal));
  }
  const auto stop = StopOnSignals::make(reactor, [] {}, 1s);
  ASSERT_FALSE(stop);
  EXPECT_EQ(stop.error(), std::errc::no_buffer_space);
  signals.clear();
}

}  // namespace
}  // namespace rondo::test
