// SPDX-License-Identifier: MIT
// Tasks that wait for signals, on each backend.
#include <rondo/signals.h>

#include <signal.h>

#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/coroutine.h>

#include "support/on_every_backend.h"
#include "support/run_until.h"
#include "support/task_end.h"

namespace rondo::test {
namespace {

class AwaitedSignals : public ReactorOnEveryBackend {
 protected:
  static void send_to_self(int number) { ASSERT_EQ(::raise(number), 0); }
  Task<> note(Signals& signals, int count) {
    for (; count > 0; --count) numbers.push_back(co_await signals.next());
  }

  std::vector<int> numbers;
};
RONDO_ON_EVERY_BACKEND(AwaitedSignals);

TEST_P(AwaitedSignals, ComeToTheTaskThatWaits) {
  Signals signals{reactor, {SIGUSR1, SIGUSR2}};
  TaskGroup group{reactor};
  group.spawn(note(signals, 3));
  for (const int number : {SIGUSR2, SIGUSR1, SIGUSR2}) {
    run_turns(reactor, 2);
    const std::size_t before = numbers.size();
    send_to_self(number);
    EXPECT_TRUE(run_until(reactor, [&] { return numbers.size() > before; }));
    EXPECT_EQ(numbers.back(), number);
  }
  EXPECT_EQ(numbers.size(), 3U);
}

TEST_P(AwaitedSignals, AreKeptUntilATaskWaitsAndOfANumberOnce) {
  Signals signals{reactor, {SIGUSR1, SIGUSR2}};
  for (const int number : {SIGUSR2, SIGUSR2, SIGUSR1, SIGUSR2}) {
    send_to_self(number);
    run_turns(reactor, 3);
  }
  EXPECT_TRUE(run_task(reactor, note(signals, 2)));
  EXPECT_EQ(numbers, (std::vector{SIGUSR2, SIGUSR1}));
  TaskGroup group{reactor};
  group.spawn(note(signals, 1));
  run_turns(reactor, 3);
  EXPECT_EQ(numbers.size(), 2U) << "the others were one";
}

TEST_P(AwaitedSignals, AreNotTakenByOneThatIsCancelled) {
  Signals signals{reactor, {SIGUSR1}};
  {
    TaskGroup group{reactor};
    group.spawn(note(signals, 1));
    run_turns(reactor, 2);
  }
  send_to_self(SIGUSR1);
  run_turns(reactor, 3);
  EXPECT_TRUE(numbers.empty());
  EXPECT_TRUE(run_task(reactor, note(signals, 1)));
  EXPECT_EQ(numbers, std::vector{SIGUSR1});
}

TEST_P(AwaitedSignals, KeepTheReactorRunningOnlyWhileATaskWaits) {
  Signals signals{reactor, {SIGUSR1}};
  EXPECT_FALSE(reactor.alive());
  {
    TaskGroup group{reactor};
    group.spawn(note(signals, 1));
    run_turns(reactor, 2);
    EXPECT_TRUE(reactor.alive());
  }
  EXPECT_FALSE(reactor.alive());
}

TEST_P(AwaitedSignals, MayBeDestroyedByTheTaskThatTheyResume) {
  const auto body = [&]() -> Task<> {
    Signals made{reactor, {SIGUSR1}};
    std::optional<Signals> signals{std::move(made)};
    numbers.push_back(co_await signals->next());
    signals.reset();
    co_await turn();
  };
  TaskGroup group{reactor};
  group.spawn(body());
  run_turns(reactor, 2);
  send_to_self(SIGUSR1);
  EXPECT_TRUE(run_until(reactor, [&] { return group.size() == 0; }));
  EXPECT_EQ(numbers.size(), 1U);
}

TEST_P(AwaitedSignals, ReportTheNumberThatCannotBeHandled) {
  const auto made = Signals::make(reactor, {SIGUSR1, SIGKILL});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), std::errc::invalid_argument);
  EXPECT_THROW((Signals{reactor, {SIGKILL}}), std::system_error);
}

}  // namespace
}  // namespace rondo::test
