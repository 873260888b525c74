// SPDX-License-Identifier: MIT
// Signals as callbacks. The program's own signal handlers stay as they are.
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <rondo/signal.h>

#include "support/child_process.h"
#include "support/descriptors.h"
#include "support/kernel.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

void send_to_self(int number) { ASSERT_EQ(::raise(number), 0); }

/// The disposition of a signal, as far as it can be compared.
struct Disposition {
  void (*handler)(int);
  int flags;
  friend bool operator==(const Disposition&, const Disposition&) = default;
};
Disposition disposition(int number) {
  struct sigaction action{};
  EXPECT_EQ(::sigaction(number, nullptr, &action), 0);
  constexpr auto public_flags =  // libc adds a flag of its own
      static_cast<int>(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_NODEFER | SA_ONSTACK |
                       static_cast<unsigned>(SA_RESETHAND) | SA_RESTART | SA_SIGINFO);
  return {action.sa_handler, action.sa_flags & public_flags};
}
std::vector<Disposition> dispositions() {
  std::vector<Disposition> all;
  for (int number = 1; number < 32; ++number) all.push_back(disposition(number));
  return all;
}

void handler_of_the_program(int) {}

class SignalCallbacks : public ReactorOnEveryBackend {
 protected:
  SignalCallbacks() : before_(dispositions()) {}
  ~SignalCallbacks() override {
    EXPECT_EQ(dispositions(), before_) << "all dispositions are restored";
  }

 private:
  std::vector<Disposition> before_;
};
RONDO_ON_EVERY_BACKEND(SignalCallbacks);

TEST_P(SignalCallbacks, AreCallbacksInsideRun) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGWINCH}) {
    int calls = 0;
    const Signal signal{reactor, number, [&] { ++calls; }};
    EXPECT_EQ(signal.number(), number);
    send_to_self(number);
    EXPECT_EQ(calls, 0) << "no callback runs inside the signal handler";
    EXPECT_TRUE(run_until(reactor, [&] { return calls > 0; }));
    run_turns(reactor, 3);
    EXPECT_EQ(calls, 1);
  }
}

TEST_P(SignalCallbacks, EndAWaitOnWhicheverThreadTheyArrive) {
  RONDO_NEEDS(signals);
  int calls = 0;
  const Signal signal{reactor, SIGUSR1, [&] {
                        ++calls;
                        reactor.stop();
                      }};
  std::thread elsewhere{[] { EXPECT_EQ(::kill(::getpid(), SIGUSR1), 0); }};
  EXPECT_TRUE(reactor.run());
  elsewhere.join();
  const pthread_t runner = ::pthread_self();
  std::thread aimed{[runner] { EXPECT_EQ(::pthread_kill(runner, SIGUSR1), 0); }};
  EXPECT_TRUE(reactor.run());
  aimed.join();
  EXPECT_EQ(calls, 2);
}

TEST_P(SignalCallbacks, SeveralArrivalsBeforeATurnCountAsOne) {
  int calls = 0;
  const Signal signal{reactor, SIGUSR1, [&] { ++calls; }};
  for (int i = 0; i < 10; ++i) send_to_self(SIGUSR1);
  EXPECT_TRUE(run_until(reactor, [&] { return calls > 0; }));
  run_turns(reactor, 3);
  EXPECT_EQ(calls, 1);
}

TEST_P(SignalCallbacks, ArrivingInTheCallbackAreReportedAgain) {
  int calls = 0;
  const Signal signal{reactor, SIGUSR1, [&] {
                        if (++calls < 5) send_to_self(SIGUSR1);
                      }};
  send_to_self(SIGUSR1);
  EXPECT_TRUE(run_until(reactor, [&] { return calls == 5; }));
}

TEST_P(SignalCallbacks, KeepErrno) {
  const Signal signal{reactor, SIGUSR1, [] {}};
  errno = 4711;
  (void)::raise(SIGUSR1);  // cannot fail
  EXPECT_EQ(errno, 4711);
}

TEST_P(SignalCallbacks, AreReportedToAllTheirObjects) {
  Reactor other{GetParam().make()};
  int here = 0;
  int there = 0;
  const Signal first{reactor, SIGUSR1, [&] { ++here; }};
  std::optional<Signal> second{std::in_place, reactor, SIGUSR1, [&] { here += 10; }};
  const Signal third{other, SIGUSR1, [&] { ++there; }};
  send_to_self(SIGUSR1);
  EXPECT_TRUE(run_until(reactor, [&] { return here == 11; }));
  EXPECT_TRUE(run_until(other, [&] { return there == 1; }));
  second.reset();
  send_to_self(SIGUSR1);
  EXPECT_TRUE(run_until(other, [&] { return there == 2; }));
  EXPECT_TRUE(run_until(reactor, [&] { return here == 12; }));
}

TEST_P(SignalCallbacks, OfDifferentNumbersAreKeptApart) {
  int first = 0;
  int second = 0;
  const Signal one{reactor, SIGUSR1, [&] { ++first; }};
  const Signal two{reactor, SIGUSR2, [&] { ++second; }};
  send_to_self(SIGUSR2);
  EXPECT_TRUE(run_until(reactor, [&] { return second == 1; }));
  EXPECT_EQ(first, 0);
}

TEST_P(SignalCallbacks, OfAChildThatEnded) {
  bool called = false;
  const Signal signal{reactor, SIGCHLD, [&] { called = true; }};
  const pid_t child = start_child([] { return 7; });
  ASSERT_GT(child, 0);
  EXPECT_TRUE(run_until(reactor, [&] { return called; }));
  EXPECT_EQ(end_of_child(child), 7);
}

TEST_P(SignalCallbacks, PutBackTheHandlerThatWasThere) {
  struct sigaction own{};
  struct sigaction before{};
  own.sa_handler = handler_of_the_program;
  ASSERT_EQ(::sigaction(SIGUSR1, &own, &before), 0);
  const Disposition installed = disposition(SIGUSR1);
  {
    std::optional<Signal> first{std::in_place, reactor, SIGUSR1, [] {}};
    const Signal second{reactor, SIGUSR1, [] {}};
    EXPECT_NE(disposition(SIGUSR1), installed);
    EXPECT_NE(disposition(SIGUSR1).flags & SA_RESTART, 0);
    first.reset();
    EXPECT_NE(disposition(SIGUSR1), installed) << "one Signal is left";
  }
  EXPECT_EQ(disposition(SIGUSR1), installed);
  ASSERT_EQ(::sigaction(SIGUSR1, &before, nullptr), 0);
}

TEST_P(SignalCallbacks, NoHandlerIsInstalledUnasked) {
  const std::vector<Disposition> before = dispositions();
  const Pair pair = unix_pair();
  RecordingHandler handler;
  const Watch watch = reactor.watch(pair.ours.get(), Ready::both, handler).value();
  reactor.post([] {});
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > 0; }));
  EXPECT_EQ(dispositions(), before);
}

TEST_P(SignalCallbacks, ThatCannotBeHandledAreErrors) {
  for (const int number : {SIGKILL, SIGSTOP, 0, -1, 65, 1 << 20}) {
    const auto signal = Signal::make(reactor, number, [] {});
    ASSERT_FALSE(signal) << number;
    EXPECT_EQ(signal.error(), std::errc::invalid_argument) << number;
    EXPECT_NE(signal.error().message().find(std::to_string(number)), std::string::npos);
  }
  EXPECT_THROW((Signal{reactor, SIGKILL, [] {}}), std::system_error);
  EXPECT_FALSE(reactor.alive());
}

TEST_P(SignalCallbacks, MayBeEndedInTheirOwnCallback) {
  int calls = 0;
  std::optional<Signal> signal;
  signal.emplace(reactor, SIGUSR1, [&] {
    signal.reset();
    ++calls;
  });
  send_to_self(SIGUSR1);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(calls, 1);
}

TEST_P(SignalCallbacks, MayBeReplacedInTheirOwnCallback) {
  int first = 0;
  int second = 0;
  std::optional<Signal> signal;
  signal.emplace(reactor, SIGUSR1, [&] {
    ++first;
    signal.reset();
    signal.emplace(reactor, SIGUSR1, [&] { ++second; });
  });
  send_to_self(SIGUSR1);
  EXPECT_TRUE(run_until(reactor, [&] { return first == 1; }));
  run_turns(reactor, 3);
  EXPECT_EQ(second, 0) << "it was made after the signal arrived";
  send_to_self(SIGUSR1);
  EXPECT_TRUE(run_until(reactor, [&] { return first + second > 1; }));
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
}

TEST_P(SignalCallbacks, MayReplaceOneThatIsDueToo) {
  int replaced = 0;
  int newcomer = 0;
  std::optional<Signal> other;
  bool once = true;
  const Signal signal{reactor, SIGUSR1, [&] {
                        if (!std::exchange(once, false)) return;
                        other.reset();
                        other.emplace(reactor, SIGUSR1, [&] { ++newcomer; });
                      }};
  other.emplace(reactor, SIGUSR1, [&] { ++replaced; });
  send_to_self(SIGUSR1);
  EXPECT_TRUE(run_until(reactor, [&] { return !once; }));
  run_turns(reactor, 3);
  EXPECT_EQ(replaced, 0);
  EXPECT_EQ(newcomer, 0) << "it was made after the signal arrived";
}

TEST_P(SignalCallbacks, ThatAreNewAreNotCalledForWhatArrivedBefore) {
  int first = 0;
  int second = 0;
  const Signal older{reactor, SIGUSR1, [&] { ++first; }};
  send_to_self(SIGUSR1);
  const Signal newer{reactor, SIGUSR1, [&] { ++second; }};
  EXPECT_TRUE(run_until(reactor, [&] { return first == 1; }));
  run_turns(reactor, 3);
  EXPECT_EQ(second, 0);
  send_to_self(SIGUSR1);
  EXPECT_TRUE(run_until(reactor, [&] { return first == 2 && second == 1; }));
}

TEST_P(SignalCallbacks, ThatAreNewAreNotCalledForWhatArrivedForOneThatHasEnded) {
  const Signal other{reactor, SIGUSR2, [] {}};  // keeps the reactor listening meanwhile
  int ended = 0;
  std::optional<Signal> signal{std::in_place, reactor, SIGUSR1, [&] { ++ended; }};
  send_to_self(SIGUSR1);
  signal.reset();
  int calls = 0;
  signal.emplace(reactor, SIGUSR1, [&] { ++calls; });
  run_turns(reactor, 3);
  EXPECT_EQ(calls + ended, 0);
  send_to_self(SIGUSR1);
  EXPECT_TRUE(run_until(reactor, [&] { return calls == 1; }));
}

TEST_P(SignalCallbacks, ThatAreNewDoNotTakeTheArrivalsOfOthers) {
  int first = 0;
  int second = 0;
  const Signal one{reactor, SIGUSR1, [&] { ++first; }};
  send_to_self(SIGUSR1);
  const Signal other{reactor, SIGUSR2, [&] { ++second; }};
  send_to_self(SIGUSR2);
  EXPECT_TRUE(run_until(reactor, [&] { return first == 1 && second == 1; }));
  run_turns(reactor, 3);
  EXPECT_EQ(first + second, 2);
}

TEST_P(SignalCallbacks, ThatArrivedForTheParentDoNotReachTheChild) {
  int calls = 0;
  std::optional<Signal> signal{std::in_place, reactor, SIGUSR1, [&] { ++calls; }};
  send_to_self(SIGUSR1);
  EXPECT_EQ(in_child([&] {
              run_turns(reactor, 3);
              RONDO_CHILD_REQUIRE(calls == 0);
              return 0;
            }),
            0);
  EXPECT_TRUE(run_until(reactor, [&] { return calls == 1; }));
}

std::atomic<int> calls_of_the_program = 0;
void count_for_the_program(int) { ++calls_of_the_program; }

// Each library that starts children waits for its own.
TEST_P(SignalCallbacks, OfChildrenReachTheHandlerOfTheProgramToo) {
  struct sigaction own{};
  struct sigaction before{};
  own.sa_handler = count_for_the_program;
  ASSERT_EQ(::sigaction(SIGCHLD, &own, &before), 0);
  calls_of_the_program = 0;
  {
    int calls = 0;
    const Signal signal{reactor, SIGCHLD, [&] { ++calls; }};
    EXPECT_EQ(end_of_child(start_child([] { return 7; })), 7);
    EXPECT_TRUE(run_until(reactor, [&] { return calls == 1; }));
    EXPECT_EQ(calls_of_the_program, 1);
  }
  EXPECT_EQ(disposition(SIGCHLD).handler, count_for_the_program);
  ASSERT_EQ(::sigaction(SIGCHLD, &before, nullptr), 0);
}

TEST_P(SignalCallbacks, MayBeMoved) {
  int calls = 0;
  Signal signal{reactor, SIGUSR1, [&] { ++calls; }};
  const Signal moved = std::move(signal);
  EXPECT_EQ(moved.number(), SIGUSR1);
  send_to_self(SIGUSR1);
  EXPECT_TRUE(run_until(reactor, [&] { return calls == 1; }));
}

TEST_P(SignalCallbacks, ThatAreNotReferencedDoNotKeepItRunning) {
  int calls = 0;
  Signal signal{reactor, SIGUSR1, [&] { ++calls; }};
  signal.unref();
  EXPECT_TRUE(reactor.run());
  send_to_self(SIGUSR1);
  EXPECT_TRUE(run_until(reactor, [&] { return calls == 1; })) << "but their callbacks run";
}

TEST_P(SignalCallbacks, OfReactorsThatAreGoneAreIgnored) {
  for (int i = 0; i < 100; ++i) {
    Reactor passing{GetParam().make()};
    int calls = 0;
    const Signal signal{passing, SIGUSR1, [&] { ++calls; }};
    if (i % 2 == 0) send_to_self(SIGUSR1);
    if (i % 4 == 0) {
      EXPECT_TRUE(run_until(passing, [&] { return calls == 1; }));
    }
  }
}

TEST_P(SignalCallbacks, AreHeardByManyReactorsUpToALimit) {
  constexpr std::size_t limit = 64;
  std::vector<std::unique_ptr<Reactor>> reactors;
  std::vector<Signal> signals;
  std::size_t calls = 0;
  for (std::size_t i = 0; i < limit; ++i) {
    reactors.push_back(std::make_unique<Reactor>(GetParam().make()));
    auto signal = Signal::make(*reactors.back(), SIGUSR1, [&] { ++calls; });
    ASSERT_TRUE(signal) << i;
    signals.push_back(std::move(*signal));
  }
  EXPECT_FALSE(Signal::make(reactor, SIGUSR1, [] {})) << "one above the limit";
  EXPECT_FALSE(reactor.alive());
  send_to_self(SIGUSR1);
  for (const auto& each : reactors) run_turns(*each, 1);
  EXPECT_EQ(calls, limit);
  signals.pop_back();
  EXPECT_TRUE(Signal::make(reactor, SIGUSR1, [] {})) << "there is room again";
  signals.clear();
}

TEST_P(SignalCallbacks, LeaveErrnoAsItWasWhateverTheOtherHandlersDo) {
  struct sigaction changes_errno{};
  struct sigaction before{};
  changes_errno.sa_handler = [](int) { errno = EIO; };
  ASSERT_EQ(::sigaction(SIGCHLD, &changes_errno, &before), 0);
  int calls = 0;
  {
    const Signal signal{reactor, SIGCHLD, [&] { ++calls; }};
    errno = 4711;
    EXPECT_EQ(::raise(SIGCHLD), 0);
    EXPECT_EQ(errno, 4711);
    EXPECT_TRUE(run_until(reactor, [&] { return calls == 1; }));
  }
  ASSERT_EQ(::sigaction(SIGCHLD, &before, nullptr), 0);
}

}  // namespace
}  // namespace rondo::test
