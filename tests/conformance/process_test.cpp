// SPDX-License-Identifier: MIT
// Programs and their ends: how they are noticed, reported and brought about.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/process_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class Processes : public ProcessesOnEveryBackend {};
RONDO_ON_EVERY_BACKEND(Processes);

/// Programs expect descriptors that block.
Pair pair_for_a_program() {
  Pair pair = unix_pair();
  ::fcntl(pair.theirs.get(), F_SETFL, 0);
  return pair;
}

TEST_P(Processes, ReportTheirExitCode) {
  on_both_paths([this] {
    Ended ended;
    auto process = shell("exit 7", ended).value();
    EXPECT_TRUE(process.is_running());
    EXPECT_GT(process.id(), 0);
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(ended.times, 1);
    EXPECT_EQ(ended.status.code, 7);
    EXPECT_EQ(ended.status.signal, 0);
    EXPECT_FALSE(ended.status.error);
    EXPECT_FALSE(ended.status.is_success());
    EXPECT_EQ(ended.status.message(), "exit code 7");
    EXPECT_FALSE(process.is_running());
    EXPECT_EQ(state_of_process(process.id()), 0);
    EXPECT_EQ(process.kill(SIGKILL).error(), std::errc::no_such_process);
  });
}

TEST_P(Processes, ReportTheSignalThatEndedThem) {
  on_both_paths([this] {
    Ended ended;
    auto process = shell("kill -KILL $$", ended).value();
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(ended.status.signal, SIGKILL);
    EXPECT_EQ(ended.status.code, 0);
    EXPECT_EQ(ended.status.message(), "signal 9 (Killed)");
  });
}

TEST_P(Processes, CanBeKilled) {
  on_both_paths([this] {
    Ended ended;
    auto process = start({"sleep", "1000"}, ended).value();
    EXPECT_EQ(process.kill(0x7fff).error(), std::errc::invalid_argument);
    EXPECT_TRUE(process.kill(SIGTERM));
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(ended.status.signal, SIGTERM);
  });
}

TEST_P(Processes, ThatStopHaveNotEnded) {
  on_both_paths([this] {
    Ended ended;
    auto process = shell("kill -STOP $$; exit 3", ended).value();
    ASSERT_TRUE(reaches_state(process.id(), 'T'));
    run_turns(reactor, 20);
    EXPECT_EQ(ended.times, 0);
    EXPECT_TRUE(process.kill(SIGCONT));
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(ended.status.code, 3);
  });
}

TEST_P(Processes, AreKilledIfTheyDoNotTerminate) {
  on_both_paths([this] {
    StreamRecorder recorder;
    Ended ended;
    auto process = shell("trap '' TERM; echo ready; while :; do sleep 1000; done", ended,
                         {.output = Redirect::pipe(recorder), .group = ProcessGroup::own})
                       .value();
    ASSERT_TRUE(runs_until([&] { return recorder.received == "ready\n"; }));
    process.terminate(1h);
    run_turns(reactor, 20);
    EXPECT_EQ(ended.times, 0);
    process.terminate(1ms);  // the earlier end counts
    process.terminate(1h);
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(ended.status.signal, SIGKILL);
  });
}

TEST_P(Processes, ThatStopCanBeTerminated) {
  Ended ended;
  auto process = shell("kill -STOP $$; exit 3", ended).value();
  ASSERT_TRUE(reaches_state(process.id(), 'T'));
  process.terminate(1h);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(ended.status.signal, SIGTERM);
}

TEST_P(Processes, LeaveNothingOfTheirGroupWhenTerminated) {
  on_both_paths([this] {
    StreamRecorder recorder;
    Ended ended;
    // The shell ends at SIGTERM; what it has started ignores it.
    auto process = shell("(trap '' TERM; echo $(exec sh -c 'echo $PPID'); exec sleep 1000) & wait",
                         ended, {.output = Redirect::pipe(recorder), .group = ProcessGroup::own})
                       .value();
    ASSERT_TRUE(runs_until([&] { return recorder.received.find('\n') != std::string::npos; }));
    const int grandchild = std::stoi(recorder.received);
    process.terminate(1h);
    EXPECT_TRUE(reactor.run());  // also the end of the pipe, which the grandchild holds
    EXPECT_EQ(ended.status.signal, SIGTERM);
    EXPECT_EQ(recorder.ends, 1);
    EXPECT_TRUE(runs_until([&] {
      const char state = state_of_process(grandchild);
      return state == 0 || state == 'Z';
    }));
  });
}

TEST_P(Processes, EndAfterTheirOutputWasPassedOn) {
  on_both_paths([this] {
    StreamRecorder recorder;
    std::string order;
    recorder.on_end_then = [&](Stream& stream) {
      order += "end ";
      stream.close();
    };
    auto process = Process::start(reactor, {"sh", "-c", "head -c 50000 /dev/zero"},
                                  [&](const ExitStatus&) {
                                    order +=
                                        "exit after " + std::to_string(recorder.received.size());
                                  },
                                  {.output = Redirect::pipe(recorder)});
    ASSERT_TRUE(process);
    ASSERT_TRUE(reaches_state(process->id(), 'Z'));
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(order, "end exit after 50000");
  });
}

TEST_P(Processes, EndAlthoughTheirOutputIsPaused) {
  on_both_paths([this] {
    StreamRecorder recorder;
    Ended ended;
    auto process = shell("echo unread", ended, {.output = Redirect::pipe(recorder)}).value();
    process.output()->pause();
    EXPECT_TRUE(runs_until([&] { return ended.times == 1; }));
    EXPECT_EQ(recorder.received, "");
    process.output()->resume();
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(recorder.received, "unread\n");
    EXPECT_EQ(recorder.ends, 1);
  });
}

TEST_P(Processes, EndAlthoughAnotherProcessHoldsTheirPipes) {
  on_both_paths([this] {
    StreamRecorder recorder;
    Ended ended;
    auto process =
        shell("sleep 1000 & echo $!", ended, {.output = Redirect::pipe(recorder)}).value();
    EXPECT_TRUE(runs_until([&] { return ended.times == 1; }));
    EXPECT_EQ(recorder.ends, 0);
    ASSERT_FALSE(recorder.received.empty()) << "it was written before the end";
    ::kill(std::stoi(recorder.received), SIGKILL);
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(recorder.ends, 1);
  });
}

TEST_P(Processes, CloseTheirInputWhenTheyEnd) {
  StreamRecorder input;
  Ended ended;
  auto process = shell("exit 0", ended, {.input = Redirect::pipe(input)}).value();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(ended.times, 1);
  EXPECT_EQ(input.closes, 1);
}

TEST_P(Processes, ThatCloseTheirInputEndTheStream) {
  StreamRecorder input;
  Ended ended;
  auto process = shell("exec <&-; exit 5", ended, {.input = Redirect::pipe(input)}).value();
  process.input()->write(numbered_text(1'000'000));
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(ended.status.code, 5);
  EXPECT_EQ(input.closes, 1);
  EXPECT_EQ(input.reason, CloseReason::reset) << input.message;
}

TEST_P(Processes, OfACrowdAllEndOnce) {
  if (!allow_descriptors(300)) GTEST_SKIP() << "too few descriptors";
  on_both_paths([this] {
    constexpr std::size_t crowd = 60;
    std::vector<Ended> ended(crowd);
    std::vector<StreamRecorder> recorders(crowd);
    std::vector<Process> processes;
    for (std::size_t i = 0; i < crowd; ++i) {
      const std::string number = std::to_string(i % 100);
      processes.push_back(shell("echo " + number + "; exit " + number, ended[i],
                                {.output = Redirect::pipe(recorders[i])})
                              .value());
    }
    EXPECT_TRUE(reactor.run());
    for (std::size_t i = 0; i < crowd; ++i) {
      EXPECT_EQ(ended[i].times, 1);
      EXPECT_EQ(ended[i].status.code, static_cast<int>(i % 100));
      EXPECT_EQ(recorders[i].received, std::to_string(i % 100) + "\n");
    }
  });
}

TEST_P(Processes, AreKilledAndWaitedForWhenDestroyed) {
  on_both_paths([this] {
    Ended ended;
    StreamRecorder recorder;
    std::optional<Process> process{
        start({"sleep", "1000"}, ended, {.output = Redirect::pipe(recorder)}).value()};
    const int id = process->id();
    process.reset();
    EXPECT_TRUE(reactor.run()) << "nothing is left that keeps it";
    EXPECT_TRUE(runs_until([&] { return state_of_process(id) == 0; }));
    EXPECT_EQ(ended.times, 0);
    EXPECT_EQ(recorder.closes, 0);
  });
}

TEST_P(Processes, AreWaitedForByAReactorThatEnds) {
  int id = -1;
  {
    Reactor other{GetParam().make()};
    id = Process::start(other, {"sleep", "1000"}, {}).value().id();
  }
  EXPECT_EQ(state_of_process(id), 0);
}

TEST_P(Processes, ThatAreDetachedRunOn) {
  on_both_paths([this] {
    Ended ended;
    const Pair pair = pair_for_a_program();
    auto process = start({"cat"}, ended, {.input = Redirect::to(pair.theirs.get())}).value();
    const int id = process.id();
    Process::detach(std::move(process));
    EXPECT_TRUE(reactor.run());
    EXPECT_NE(state_of_process(id), 0);
    finish_writing(pair.ours);
    EXPECT_TRUE(runs_until([&] { return state_of_process(id) == 0; }));
    EXPECT_EQ(ended.times, 0);
  });
}

TEST_P(Processes, ThatOutliveTheirReactorAreWaitedForByTheNext) {
  const Pair pair = pair_for_a_program();
  {
    Reactor other{GetParam().make()};
    Process::detach(
        Process::start(other, {"cat"}, {}, {.input = Redirect::to(pair.theirs.get())}).value());
  }
  EXPECT_TRUE(has_children());
  finish_writing(pair.ours);
  for (const TimePoint end = Clock::now() + patience; has_children() && Clock::now() < end;) {
    Ended ended;
    const auto process = shell("exit 0", ended).value();
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(ended.times, 1);
  }
  EXPECT_FALSE(has_children());
}

TEST_P(Processes, ThatAreNotReferencedDoNotKeepRun) {
  on_both_paths([this] {
    Ended ended;
    auto process = start({"sleep", "1000"}, ended).value();
    process.unref();
    EXPECT_TRUE(reactor.run());
    EXPECT_FALSE(reactor.alive());
    process.ref();
    EXPECT_TRUE(reactor.alive());
    EXPECT_TRUE(process.kill(SIGKILL));
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(ended.times, 1);
  });
}

TEST_P(Processes, MayBeDestroyedInTheirCalls) {
  on_both_paths([this] {
    std::optional<Process> process;
    StreamRecorder recorder;
    recorder.on_data_then = [&](Stream&, Bytes) { process.reset(); };
    int exits = 0;
    process =
        Process::start(reactor, {"sh", "-c", "echo text"}, [&](const ExitStatus&) { ++exits; },
                       {.output = Redirect::pipe(recorder)})
            .value();
    ASSERT_TRUE(reaches_state(process->id(), 'Z'));
    EXPECT_TRUE(runs_until([&] { return !process.has_value(); }));
    run_turns(reactor, 20);
    EXPECT_EQ(exits, 0);
    process = Process::start(reactor, {"true"}, [&](const ExitStatus&) {
                ++exits;
                process.reset();
              }).value();
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(exits, 1);
  });
}

TEST_P(Processes, EndOnceAlthoughACallThrows) {
  on_both_paths([this] {
    StreamRecorder recorder;
    recorder.on_data_then = [](Stream&, Bytes) { throw std::runtime_error{"data"}; };
    int exits = 0;
    auto process = Process::start(reactor, {"sh", "-c", "echo text"},
                                  [&](const ExitStatus&) {
                                    ++exits;
                                    throw std::runtime_error{"exit"};
                                  },
                                  {.output = Redirect::pipe(recorder)});
    ASSERT_TRUE(process);
    ASSERT_TRUE(reaches_state(process->id(), 'Z'));
    // It throws before it can return an error.
    EXPECT_THROW((void)reactor.run(), std::runtime_error);
    EXPECT_EQ(exits, 0);
    // As above.
    EXPECT_THROW((void)reactor.run(), std::runtime_error);
    EXPECT_EQ(exits, 1);
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(exits, 1);
  });
}

}  // namespace
}  // namespace rondo::test
