// SPDX-License-Identifier: MIT
// Backend::wait and Backend::wake: how long a wait sleeps, and what ends the sleep.
#include <signal.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "support/port_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

/// A wait may return early. More returns than this before a deadline are a busy loop.
constexpr int early_returns_max = 50;

class Waiting : public PortFixture {
 protected:
  void wait_until(TimePoint deadline) {
    CollectingSink sink;
    const std::error_code error = backend->wait(sink, deadline);
    EXPECT_FALSE(error) << error.message();
  }
  /// Waits until the clock shows `deadline`. Returns the number of waits.
  int waits_until(TimePoint deadline) {
    int waits = 0;
    do {
      wait_until(deadline);
      ++waits;
    } while (backend->now() < deadline && waits < 10 * early_returns_max);
    return waits;
  }
};
RONDO_ON_EVERY_BACKEND(Waiting);

TEST_P(Waiting, DoesNotSleepWhenTheDeadlineHasPassed) {
  for (const TimePoint deadline : {backend->now(), backend->now() - 1h, TimePoint{}}) {
    const TimePoint start = Clock::now();
    for (int i = 0; i < 100; ++i) wait_until(deadline);
    EXPECT_LT(Clock::now() - start, patience);
  }
  wait_until(TimePoint::min());
}

TEST_P(Waiting, SleepsUntilTheDeadlineInsteadOfSpinning) {
  for (const Duration sleep : {Duration{1}, Duration{300us}, Duration{1ms}, Duration{20ms}}) {
    EXPECT_LE(waits_until(backend->now() + sleep), early_returns_max) << sleep.count() << " ns";
  }
}

TEST_P(Waiting, SleepsUntilTheDeadlineWithRegistrationsThatAreNotReady) {
  const Pair idle = unix_pair();
  const Pair gone = unix_pair();
  ASSERT_FALSE(watch(idle.ours, Ready::none, Ready::read));
  ASSERT_FALSE(watch(gone.ours, Ready::none, Ready::none, other));
  write_all(gone.theirs.get(), "unseen");
  EXPECT_LE(waits_until(backend->now() + 20ms), 10 * early_returns_max - 1);
  backend->unwatch(idle.ours.get(), Ready::read);
  backend->unwatch(gone.ours.get(), Ready::none);
}

TEST_P(Waiting, ReadsAMonotonicClock) {
  const TimePoint before = backend->now();
  TimePoint last = before;
  for (int i = 0; i < 1000; ++i) {
    const TimePoint now = backend->now();
    ASSERT_GE(now, last);
    last = now;
  }
  waits_until(before + 2ms);
  EXPECT_GE(backend->now(), before + 2ms);
}

TEST_P(Waiting, EndsAtOnceWhenSomethingIsReady) {
  const Pair pair = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write));
  CollectingSink sink;
  while (sink.events.empty()) ASSERT_FALSE(backend->wait(sink, never));
  EXPECT_EQ(sink.reported(token), Ready::write);
  backend->unwatch(pair.ours.get(), Ready::write);
}

TEST_P(Waiting, EndsWhenSomethingBecomesReady) {
  RONDO_NEEDS(threads);
  const Pair pair = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  std::thread writer{[&pair] {
    give_others_time();
    write_all(pair.theirs.get(), "hello");
  }};
  CollectingSink sink;
  while (sink.events.empty()) ASSERT_FALSE(backend->wait(sink, never));
  writer.join();
  EXPECT_EQ(sink.reported(token), Ready::read);
  backend->unwatch(pair.ours.get(), Ready::read);
}

TEST_P(Waiting, EndsWhenAnotherThreadWakesIt) {
  std::atomic<bool> woken{false};
  std::thread waker{[&] {
    give_others_time();
    woken = true;
    backend->wake();
  }};
  while (!woken) wait_until(never);
  waker.join();
}

TEST_P(Waiting, DoesNotBeginWhenItWasWokenBefore) {
  backend->wake();
  wait_until(never);
  for (int i = 0; i < 1000; ++i) backend->wake();
  wait_until(never);
}

TEST_P(Waiting, CountsManyWakesAsOne) {
  for (int i = 0; i < 100'000; ++i)
    backend->wake();  // a wake does not block either when the channel is full
  wait_until(never);
  EXPECT_LE(waits_until(backend->now() + 10ms), early_returns_max);
}

TEST_P(Waiting, LosesNoWake) {
  constexpr int rounds = 5000;
  std::atomic<int> asked{0};
  std::atomic<int> seen{0};
  std::thread waker{[&] {
    for (int round = 1; round <= rounds; ++round) {
      asked = round;
      backend->wake();
      while (seen < round) std::this_thread::yield();
    }
  }};
  while (seen < rounds) {
    wait_until(never);
    seen = asked.load();
  }
  waker.join();
}

TEST_P(Waiting, IsWokenWhileRegistrationsAreReadyToo) {
  const Pair pair = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write));
  for (int i = 0; i < 10; ++i) {
    backend->wake();
    wait_until(never);
  }
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  backend->unwatch(pair.ours.get(), Ready::write);
}

Backend* to_wake = nullptr;
void wake_from_handler(int) { to_wake->wake(); }
void do_nothing(int) {}

class WithHandler {
 public:
  WithHandler(int number, void (*handler)(int)) : number_(number) {
    struct sigaction action{};
    action.sa_handler = handler;  // without SA_RESTART
    EXPECT_EQ(::sigaction(number, &action, &before_), 0);
  }
  WithHandler(const WithHandler&) = delete;
  WithHandler& operator=(const WithHandler&) = delete;
  /// A signal that is pending still would end the program: to ignore signals discards it.
  ~WithHandler() {
    (void)::signal(number_, SIG_IGN);               // valid numbers alone are handled
    (void)::sigaction(number_, &before_, nullptr);  // it was set before
  }

 private:
  int number_;
  struct sigaction before_{};
};

TEST_P(Waiting, IsWokenFromASignalHandlerWhichKeepsErrno) {
  const WithHandler handler{SIGUSR2, wake_from_handler};
  to_wake = backend.get();
  for (int i = 0; i < 3; ++i) {
    errno = 4711;
    (void)::raise(SIGUSR2);  // cannot fail
    EXPECT_EQ(errno, 4711);
    wait_until(never);
  }
  // This also holds when the channel is full of wake-ups.
  for (int i = 0; i < 100'000; ++i) backend->wake();
  errno = 4711;
  (void)::raise(SIGUSR2);  // as above
  EXPECT_EQ(errno, 4711);
  wait_until(never);
}

TEST_P(Waiting, TakesAnInterruptedSleepForNoError) {
  const WithHandler handler{SIGALRM, do_nothing};
  const itimerval every_millisecond{{0, 1000}, {0, 1000}};
  itimerval before{};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &every_millisecond, &before), 0);
  const TimePoint deadline = backend->now() + 30ms;
  while (backend->now() < deadline) wait_until(deadline);  // expects no error each time
  ASSERT_EQ(::setitimer(ITIMER_REAL, &before, nullptr), 0);
}

// A wait sleeps correctly if the deadline in milliseconds does not fit 31, 32 or 63 bits.
TEST_P(Waiting, DoesNotWrapADeadlineFarAway) {
  RONDO_NEEDS(real_time);
  const TimePoint now = backend->now();
  const Duration far_away[] = {std::chrono::milliseconds{(std::int64_t{1} << 31) + 1},
                               std::chrono::milliseconds{(std::int64_t{1} << 32) + 1},
                               std::chrono::hours{24 * 365 * 100}, never - now - Duration{1}};
  for (const Duration distance : far_away) {
    std::atomic<bool> woken{false};
    std::thread waker{[&] {
      give_others_time();
      woken = true;
      backend->wake();
    }};
    int waits = 0;
    for (; !woken; ++waits) wait_until(now + distance);
    waker.join();
    EXPECT_LE(waits, early_returns_max) << distance.count();
    wait_until(backend->now());  // consumes the wake-up, if it came late
  }
}

}  // namespace
}  // namespace rondo::test
