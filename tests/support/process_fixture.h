// SPDX-License-Identifier: MIT
// What the tests of processes share: a reactor on each backend, with the system's calls, some of
// which can be taken away.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <rondo/process.h>

#include "support/run_until.h"
#include "support/stream_fixture.h"

namespace rondo::test {

/// The system's, with or without a descriptor for the end of a process.
class ProcessCallsUnderTest final : public ProcessCalls {
 public:
  int pipe(int (&fds)[2], Direction ours) noexcept override { return system_->pipe(fds, ours); }
  int open_null() noexcept override { return system_->open_null(); }
  int start(const ProgramStart& what, StartStep& failed) noexcept override {
    return system_->start(what, failed);
  }
  int open_exit(int id) noexcept override {
    return has_exit_descriptors ? system_->open_exit(id) : -ENOSYS;
  }
  int peek(int id, int exit) noexcept override { return system_->peek(id, exit); }
  int reap(int id, int exit, ExitStatus& status, bool wait) noexcept override {
    return system_->reap(id, exit, status, wait);
  }
  int signal(int id, int exit, int number, bool group) noexcept override {
    return system_->signal(id, exit, number, group);
  }

  bool has_exit_descriptors = true;

 private:
  ProcessCalls* system_ = &system_process_calls();
};

/// The letter of its state: R, S, Z (it has ended and was not waited for), T; or 0 if it is gone.
inline char state_of_process(int id) {
  std::ifstream file{"/proc/" + std::to_string(id) + "/stat"};
  std::string text;
  if (!std::getline(file, text)) return 0;
  const std::size_t end = text.rfind(')');
  return end + 2 < text.size() ? text[end + 2] : '\0';
}

/// Waits for that state, without running a reactor.
inline bool reaches_state(int id, char state) {
  for (const TimePoint end = Clock::now() + patience; Clock::now() < end; give_others_time())
    if (state_of_process(id) == state) return true;
  return false;
}

/// Whether this process has children, also such as have ended and were not waited for.
inline bool has_children() {
  siginfo_t about{};
  return ::waitid(P_ALL, 0, &about, WEXITED | WNOHANG | WNOWAIT) == 0;
}

class ProcessesOnEveryBackend : public StreamsOnEveryBackend {
 protected:
  ProcessesOnEveryBackend() { spy.use_process_calls(&calls); }
  void SetUp() override { RONDO_NEEDS(processes); }

  /// Runs a part of a test with and without descriptors for the ends of processes.
  template <typename Part>
  void on_both_paths(Part part) {
    for (const bool has : {true, false}) {
      SCOPED_TRACE(has ? "by an exit descriptor" : "by SIGCHLD");
      calls.has_exit_descriptors = has;
      part();
    }
  }

  struct Ended {
    int times = 0;
    ExitStatus status{};
  };
  static Process::OnExit note_in(Ended& ended) {
    return [&ended](const ExitStatus& status) {
      ++ended.times;
      ended.status = status;
    };
  }
  [[nodiscard]] Result<Process> start(std::vector<std::string> arguments, Ended& ended,
                                      const ProcessOptions& options = {}) {
    return Process::start(reactor, std::move(arguments), note_in(ended), options);
  }
  [[nodiscard]] Result<Process> shell(const std::string& script, Ended& ended,
                                      const ProcessOptions& options = {}) {
    return start({"sh", "-c", script}, ended, options);
  }

  /// Runs the program to its end, and returns what it has written. run() returns by itself.
  std::string output_of(std::vector<std::string> arguments, ProcessOptions options = {}) {
    StreamRecorder recorder;
    Ended ended;
    options.output = Redirect::pipe(recorder);
    auto process = start(std::move(arguments), ended, options);
    if (!process) return process.error().message();
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(ended.times, 1);
    EXPECT_TRUE(ended.status.is_success()) << ended.status.message();
    return recorder.received;
  }
  std::string output_of_shell(const std::string& script, ProcessOptions options = {}) {
    return output_of({"sh", "-c", script}, std::move(options));
  }
  /// Does not search this program's own PATH, in which a folder may be closed to it.
  std::string error_of(std::vector<std::string> arguments, ProcessOptions options = {}) {
    if (options.environment.empty()) options.environment = {"PATH=/usr/bin:/bin"};
    Ended ended;
    const auto process = start(std::move(arguments), ended, options);
    return process ? "it has started" : process.error().message();
  }

  /// They live as long as the reactor, which is destroyed after the members of this class.
  ProcessCallsUnderTest& calls = []() -> ProcessCallsUnderTest& {
    static ProcessCallsUnderTest all;
    all = {};
    return all;
  }();
};

}  // namespace rondo::test
