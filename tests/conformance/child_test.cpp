// SPDX-License-Identifier: MIT
// Tasks that wait for other programs, on each backend.
#include <rondo/child.h>

#include <signal.h>

#include <optional>
#include <string>
#include <utility>

#include <rondo/coroutine.h>

#include "support/process_fixture.h"
#include "support/task_end.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class AwaitedPrograms : public ProcessesOnEveryBackend {
 protected:
  Child shell(const std::string& script) {
    return Child::start(reactor, {"sh", "-c", script}).value();
  }
};
RONDO_ON_EVERY_BACKEND(AwaitedPrograms);

TEST_P(AwaitedPrograms, GiveTheirExitStatus) {
  on_both_paths([this] {
    int ended = 0;
    const auto body = [&]() -> Task<> {
      auto child = shell("exit 7");
      EXPECT_EQ((co_await child.exited()).code, 7);
      EXPECT_EQ((co_await child.exited()).code, 7) << "again";
      auto killed = shell("kill -KILL $$");
      EXPECT_EQ((co_await killed.exited()).signal, SIGKILL);
      ++ended;
    };
    EXPECT_TRUE(run_task(reactor, body()));
    EXPECT_EQ(ended, 1);
  });
}

TEST_P(AwaitedPrograms, AreWaitedForLaterIfTheyHaveEnded) {
  auto child = shell("exit 3");
  EXPECT_TRUE(runs_until([&] { return !child.process().is_running(); }));
  int code = 0;
  const auto body = [&]() -> Task<> { code = (co_await child.exited()).code; };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(code, 3);
}

TEST_P(AwaitedPrograms, AreWrittenToAndReadByATask) {
  std::string answer;
  const auto body = [&]() -> Task<> {
    const ProcessOptions options{.input = Redirect::pipe(), .output = Redirect::pipe()};
    auto child = Child::start(reactor, {"sh", "-c", "read line; echo \"$line?\""}, options).value();
    const auto input = adopt_connection(child.process().take_input());
    const auto output = adopt_connection(child.process().take_output());
    co_await input->send("one\n");
    answer = (co_await output->read_until("\n")).text();
    EXPECT_FALSE(co_await output->read());
    EXPECT_TRUE((co_await child.exited()).is_success());
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(answer, "one?\n");
}

TEST_P(AwaitedPrograms, ReportWhatKeepsThemFromStarting) {
  const auto child = Child::start(reactor, {"/nosuch"});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().message(), "start \"/nosuch\": No such file or directory");
  EXPECT_FALSE(Collection::start(reactor, {"/nosuch"}));
}

TEST_P(AwaitedPrograms, GoOnIfTheTaskIsCancelled) {
  auto child = shell("sleep 60");
  const auto body = [&]() -> Task<> {
    EXPECT_FALSE(co_await timeout(1ms, child.exited()));
    EXPECT_TRUE(child.process().is_running());
    EXPECT_TRUE(child.process().kill(SIGTERM));
    EXPECT_EQ((co_await child.exited()).signal, SIGTERM);
  };
  EXPECT_TRUE(run_task(reactor, body()));
}

TEST_P(AwaitedPrograms, AreKilledWithTheTaskThatHasThem) {
  int id = 0;
  const auto body = [&]() -> Task<> {
    auto child = shell("sleep 60");
    id = child.process().id();
    (void)co_await child.exited();
  };
  {
    TaskGroup group{reactor};
    group.spawn(body());
    run_turns(reactor, 2);
    EXPECT_NE(id, 0);
  }
  EXPECT_TRUE(runs_until([&] { return state_of_process(id) == 0; }));
}

TEST_P(AwaitedPrograms, MayBeDestroyedWhenTheyHaveEnded) {
  std::optional<Child> child{shell("true")};
  const auto body = [&]() -> Task<> {
    EXPECT_TRUE((co_await child->exited()).is_success());
    child.reset();
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_FALSE(child);
}

TEST_P(AwaitedPrograms, GiveTheirOutput) {
  on_both_paths([this] {
    std::string output;
    const auto body = [&]() -> Task<> {
      CollectOptions options;
      options.input = "text\n";
      auto collection =
          Collection::start(reactor, {"sh", "-c", "cat; echo err >&2; exit 3"}, options).value();
      const CollectedOutput collected = co_await collection.ended();
      output = collected.output + collected.error;
      EXPECT_EQ(collected.status.code, 3);
    };
    EXPECT_TRUE(run_task(reactor, body()));
    EXPECT_EQ(output, "text\nerr\n");
  });
}

TEST_P(AwaitedPrograms, KeepTheirOutputIfTheTaskIsCancelled) {
  auto collection = Collection::start(reactor, {"sh", "-c", "echo a; sleep 0.05; echo b"}).value();
  std::string output;
  const auto body = [&]() -> Task<> {
    EXPECT_FALSE(co_await timeout(0s, collection.ended()));
    output = (co_await collection.ended()).output;
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(output, "a\nb\n");
}

}  // namespace
}  // namespace rondo::test
