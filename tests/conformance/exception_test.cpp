// SPDX-License-Identifier: MIT
// An exception that leaves a callback leaves run(). The next run() does what was still due.
#include <signal.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>

#include <rondo/signal.h>
#include <rondo/timer.h>

#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

struct Oops : std::runtime_error {
  Oops() : std::runtime_error("oops") {}
};

class Exceptions : public ReactorOnEveryBackend {
 protected:
  /// Runs until nothing is left. Returns the number of exceptions that left run() meanwhile.
  int run_through() {
    for (int thrown = 0; thrown < 1000;) {
      try {
        EXPECT_TRUE(reactor.run());
        return thrown;
      } catch (const Oops&) {
        ++thrown;
      }
    }
    return -1;
  }
};
RONDO_ON_EVERY_BACKEND(Exceptions);

TEST_P(Exceptions, LeaveEachKindOfRun) {
  reactor.defer([] { throw Oops{}; });
  EXPECT_THROW((void)reactor.run(), Oops);  // throws before it returns
  reactor.defer([] { throw Oops{}; });
  EXPECT_THROW((void)reactor.run_for(1h), Oops);  // throws before it returns
  reactor.defer([] { throw Oops{}; });
  EXPECT_THROW((void)reactor.run_once(), Oops);  // throws before it returns
  EXPECT_TRUE(reactor.run());
}

TEST_P(Exceptions, OfHandlersComeOutOneByOneAndTheRestIsServed) {
  constexpr int many = 12;
  std::vector<Pair> pairs;
  std::vector<std::unique_ptr<RecordingHandler>> handlers;
  std::vector<Watch> watches;
  for (std::size_t i = 0; i < many; ++i) {
    pairs.push_back(unix_pair());
    handlers.push_back(std::make_unique<RecordingHandler>([&, i](Ready) {
      watches[i].cancel();
      if (i % 3 == 0) throw Oops{};
    }));
    watches.push_back(reactor.watch(pairs[i].ours.get(), Ready::write, *handlers[i]).value());
  }
  EXPECT_EQ(run_through(), many / 3);
  for (const auto& handler : handlers) EXPECT_EQ(handler->calls, 1);
}

TEST_P(Exceptions, OfAHandlerThatThrowsEachTimeComeEachTime) {
  const Pair pair = unix_pair();
  RecordingHandler handler{[](Ready) { throw Oops{}; }};
  const Watch watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  for (int i = 0; i < 5; ++i) EXPECT_THROW((void)reactor.run(), Oops);  // throws before it returns
  EXPECT_EQ(handler.calls, 5);
}

TEST_P(Exceptions, OfAHandlerThatDestroyedItselfFirst) {
  struct Doomed final : Handler {
    explicit Doomed(std::unique_ptr<Doomed>& owner) : self(owner) {}
    void on_ready(Ready) override {
      self.reset();
      throw Oops{};
    }
    std::unique_ptr<Doomed>& self;
    Watch watch;
  };
  const Pair pair = unix_pair();
  std::unique_ptr<Doomed> doomed;
  doomed = std::make_unique<Doomed>(doomed);
  doomed->watch = reactor.watch(pair.ours.get(), Ready::write, *doomed).value();
  EXPECT_EQ(run_through(), 1);
  EXPECT_EQ(doomed, nullptr);
}

TEST_P(Exceptions, OfTimersLeaveTheOtherTimersDue) {
  std::vector<int> fired;
  std::vector<std::unique_ptr<Timer>> timers;
  const TimePoint deadline = reactor.now() + 1ms;
  for (int i = 0; i < 9; ++i) {
    timers.push_back(std::make_unique<Timer>(reactor, [&fired, i] {
      fired.push_back(i);
      if (i % 2 == 0) throw Oops{};
    }));
    timers.back()->arm_at(deadline);
  }
  EXPECT_EQ(run_through(), 5);
  EXPECT_EQ(fired, (std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_P(Exceptions, OfAPeriodicTimerDoNotEndIt) {
  int fired = 0;
  Timer timer{reactor, [&] {
                if (++fired == 3) timer.cancel();
                throw Oops{};
              }};
  timer.arm_every(1ms);
  EXPECT_EQ(run_through(), 3);
  EXPECT_EQ(fired, 3);
}

TEST_P(Exceptions, OfATimerLeaveItsCallbackInPlace) {
  int fired = 0;
  Timer timer{reactor, [&] {
                if (++fired == 1) throw Oops{};
              }};
  timer.arm_after(0s);
  EXPECT_EQ(run_through(), 1);
  timer.arm_after(0s);
  EXPECT_EQ(run_through(), 0);
  EXPECT_EQ(fired, 2);
}

TEST_P(Exceptions, OfPostedAndDeferredWorkLeaveTheRestInItsOrder) {
  std::vector<int> posted;
  std::vector<int> deferred;
  for (int i = 0; i < 6; ++i) {
    reactor.post([&posted, i] {
      posted.push_back(i);
      if (i % 2 == 0) throw Oops{};
    });
    reactor.defer([&deferred, i] {
      deferred.push_back(i);
      if (i % 2 == 1) throw Oops{};
    });
  }
  EXPECT_EQ(run_through(), 6);
  EXPECT_EQ(posted, (std::vector{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(deferred, (std::vector{0, 1, 2, 3, 4, 5}));
}

TEST_P(Exceptions, OfASignalLeaveTheOtherListenersTheirs) {
  std::vector<int> reported;
  std::vector<Signal> signals;
  for (int i = 0; i < 4; ++i) {
    signals.push_back(Signal::make(reactor, i < 2 ? SIGUSR1 : SIGUSR2, [&, i] {
                        reported.push_back(i);
                        if (reported.size() == 4) signals.clear();
                        if (i != 1) throw Oops{};
                      }).value());
  }
  reactor.defer([] {
    (void)::raise(SIGUSR1);  // neither can fail
    (void)::raise(SIGUSR2);
  });
  EXPECT_EQ(run_through(), 3);
  std::sort(reported.begin(), reported.end());
  EXPECT_EQ(reported, (std::vector{0, 1, 2, 3}));
}

TEST_P(Exceptions, OfOneKindDoNotLoseTheOthers) {
  const Pair pair = unix_pair();
  int timers = 0;
  int works = 0;
  std::optional<Watch> watch;
  RecordingHandler handler{[&](Ready) {
    watch.reset();
    throw Oops{};
  }};
  watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  Timer timer{reactor, [&] { ++timers; }};
  timer.arm_at(reactor.now());
  reactor.post([&] {
    reactor.defer([&] { ++works; });
    throw Oops{};
  });
  EXPECT_EQ(run_through(), 2);
  EXPECT_EQ(timers, 1);
  EXPECT_EQ(works, 1);
  EXPECT_EQ(handler.calls, 1);
}

}  // namespace
}  // namespace rondo::test
