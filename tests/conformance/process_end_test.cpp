// SPDX-License-Identifier: MIT
// The ends of programs beside other code of the same process: its signals, its children, its forks.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "support/child_process.h"
#include "support/process_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class ProcessEnds : public ProcessesOnEveryBackend {};
RONDO_ON_EVERY_BACKEND(ProcessEnds);

/// Restores the action of SIGCHLD.
class SigchldAction {
 public:
  explicit SigchldAction(void (*handler)(int)) {
    struct sigaction action{};
    action.sa_handler = handler;
    ::sigaction(SIGCHLD, &action, &before_);
  }
  SigchldAction(const SigchldAction&) = delete;
  SigchldAction& operator=(const SigchldAction&) = delete;
  ~SigchldAction() { ::sigaction(SIGCHLD, &before_, nullptr); }

 private:
  struct sigaction before_{};
};

void (*handler_of_sigchld())(int) {
  struct sigaction now{};
  ::sigaction(SIGCHLD, nullptr, &now);
  return now.sa_handler;
}

TEST_P(ProcessEnds, AreReportedWhereSigchldIsIgnored) {
  on_both_paths([this] {
    const SigchldAction ignored{SIG_IGN};
    Ended ended;
    auto process = shell("exit 7", ended).value();
    EXPECT_EQ(handler_of_sigchld(), SIG_IGN);
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(ended.times, 1);
    EXPECT_TRUE(ended.status.code == 7 || ended.status.error == std::errc::no_child_process)
        << ended.status.message();
    EXPECT_FALSE(ended.status.is_success());
    EXPECT_FALSE(start({"nosuch"}, ended));
  });
}

TEST_P(ProcessEnds, AreNotReportedByOtherChildren) {
  on_both_paths([this] {
    Ended ended;
    auto process = start({"cat"}, ended, {.input = Redirect::pipe()}).value();
    const int other = start_child([] { return 5; });
    ASSERT_TRUE(reaches_state(other, 'Z'));
    run_turns(reactor, 20);
    EXPECT_EQ(ended.times, 0);
    process.input()->close();
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(ended.times, 1);
    EXPECT_EQ(end_of_child(other), 5) << "it is left to those who made it";
  });
}

TEST_P(ProcessEnds, AreReportedAlthoughOtherCodeWaitsForAllChildren) {
  on_both_paths([this] {
    Ended ended;
    auto process = shell("exit 7", ended).value();
    EXPECT_EQ(::waitpid(-1, nullptr, 0), process.id());
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(ended.times, 1);
    EXPECT_TRUE(ended.status.code == 7 || ended.status.error == std::errc::no_child_process);
  });
}

TEST_P(ProcessEnds, AreNoticedWithoutTheSignal) {
  calls.has_exit_descriptors = false;
  Ended ended;
  auto process = start({"cat"}, ended, {.input = Redirect::pipe()}).value();
  const SigchldAction replaced{SIG_DFL};
  process.input()->close();
  ASSERT_TRUE(
      runs_until([&] { return state_of_process(process.id()) == 'Z' || ended.times == 1; }));
  spy.ahead += 1s;
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(ended.times, 1);
}

TEST_P(ProcessEnds, InstallNoSignalHandlerWhereThereAreExitDescriptors) {
  if (system_process_calls().open_exit(::getpid()) < 0) GTEST_SKIP() << "there are none";
  for (const auto& [fd, name] : open_descriptors())
    if (name.find("pidfd") != std::string::npos) ::close(fd);
  Ended ended;
  auto process = shell("exit 0", ended).value();
  EXPECT_EQ(handler_of_sigchld(), SIG_DFL);
  EXPECT_TRUE(reactor.run());
}

TEST_P(ProcessEnds, RestoreTheSignalHandler) {
  calls.has_exit_descriptors = false;
  Ended ended;
  auto process = shell("exit 0", ended).value();
  EXPECT_NE(handler_of_sigchld(), SIG_DFL);
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(runs_until([] { return handler_of_sigchld() == SIG_DFL; }));
}

TEST_P(ProcessEnds, BelongToTheParentAfterAFork) {
  on_both_paths([this] {
    Ended ended;
    std::optional<Process> process{start({"cat"}, ended, {.input = Redirect::pipe()}).value()};
    EXPECT_EQ(in_child([&] {
                RONDO_CHILD_REQUIRE(process->kill(SIGKILL).error() == std::errc::no_such_process);
                process->terminate(0ms);
                process.reset();
                run_turns(reactor, 5);
                return 0;
              }),
              0);
    run_turns(reactor, 5);
    EXPECT_EQ(ended.times, 0) << "the child has not ended it";
    process->input()->close();
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(ended.times, 1);
    EXPECT_TRUE(ended.status.is_success());
  });
}

TEST_P(ProcessEnds, OfAForkedChildsOwnProgramsAreReported) {
  on_both_paths([this] {
    EXPECT_EQ(in_child([&] {
                Ended ended;
                auto process = shell("exit 6", ended).value();
                RONDO_CHILD_REQUIRE(reactor.run());
                RONDO_CHILD_REQUIRE(ended.times == 1);
                return ended.status.code;
              }),
              6);
  });
}

TEST_P(ProcessEnds, NeedNotBeReported) {
  on_both_paths([this] {
    auto process = Process::start(reactor, {"true"}, {}).value();
    EXPECT_TRUE(reactor.run());
    EXPECT_FALSE(process.is_running());
  });
}

}  // namespace
}  // namespace rondo::test
