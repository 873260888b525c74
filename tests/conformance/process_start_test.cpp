// SPDX-License-Identifier: MIT
// How a program is started: which one, and with what.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/child_process.h"
#include "support/process_fixture.h"

namespace rondo::test {
namespace {

class ProcessStarts : public ProcessesOnEveryBackend {
 protected:
  /// A folder of its own, removed at the end.
  struct Folder {
    Folder() {
      std::string name = (std::filesystem::temp_directory_path() / "rondo_XXXXXX").string();
      if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"mkdtemp"};
      path = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path); }
    void add(const std::string& name, const std::string& text, mode_t mode) const {
      std::ofstream{path / name} << text;
      ::chmod((path / name).c_str(), mode);
    }
    std::filesystem::path path;
  };
};
RONDO_ON_EVERY_BACKEND(ProcessStarts);

TEST_P(ProcessStarts, FailWithWhatWasTried) {
  const Folder folder;
  folder.add("text", "no program\n", 0644);
  folder.add("formless", "no program\n", 0755);
  folder.add("lost", "#!/no/such/interpreter\n", 0755);
  const std::string at = folder.path.string();
  EXPECT_EQ(error_of({"nosuch"}), R"(start "nosuch": No such file or directory)");
  EXPECT_EQ(error_of({"/no/such"}), R"(start "/no/such": No such file or directory)");
  EXPECT_EQ(error_of({""}), R"(start "": No such file or directory)");
  EXPECT_EQ(error_of({at + "/text"}), "start \"" + at + "/text\": Permission denied");
  EXPECT_EQ(error_of({at}), "start \"" + at + "\": Permission denied");
  EXPECT_EQ(error_of({at + "/formless"}), "start \"" + at + "/formless\": Exec format error");
  EXPECT_EQ(error_of({at + "/lost"}), "start \"" + at + "/lost\": No such file or directory");
  EXPECT_EQ(error_of({at + "/text/below"}), "start \"" + at + "/text/below\": Not a directory");
  EXPECT_EQ(error_of({"ls"}, {.directory = "/no/such"}),
            R"(change to directory "/no/such" to start "ls": No such file or directory)");
  EXPECT_EQ(error_of({"ls"}, {.directory = at + "/text"}),
            "change to directory \"" + at + "/text\" to start \"ls\": Not a directory");
  EXPECT_EQ(error_of({"alias"}, {.program = "/no/such"}),
            R"(start "/no/such": No such file or directory)");
  EXPECT_FALSE(has_children());
}

TEST_P(ProcessStarts, RefuseWhatIsInvalid) {
  using namespace std::string_literals;
  EXPECT_EQ(error_of({}), R"(start "": Invalid argument)");
  EXPECT_EQ(error_of({"ls", "a\0b"s}), R"(start "ls": Invalid argument)");
  EXPECT_EQ(error_of({"l\0s"s}), R"(start "l\x00s": Invalid argument)");
  EXPECT_EQ(error_of({"ls"}, {.directory = "/\0"s}), R"(start "ls": Invalid argument)");
  EXPECT_EQ(error_of({"ls"}, {.environment = {"=x"}}), R"(start "ls": Invalid argument)");
  EXPECT_EQ(error_of({"ls"}, {.environment = {""}}), R"(start "ls": Invalid argument)");
  EXPECT_EQ(error_of({"ls"}, {.environment = {"A=\0"s}}), R"(start "ls": Invalid argument)");
  EXPECT_EQ(error_of({"ls"}, {.output = Redirect::to(-1)}),
            R"(pass descriptor -1 to "ls": Bad file descriptor)");
  const std::string misplaced =
      R"(redirect only the error to the output of "ls": Invalid argument)";
  EXPECT_EQ(error_of({"ls"}, {.input = Redirect::to_output()}), misplaced);
  EXPECT_EQ(error_of({"ls"}, {.output = Redirect::to_output()}), misplaced);
  EXPECT_EQ(error_of({"ls"}, {.descriptors = {{12345, 3}}}),
            R"(pass descriptor 12345 to "ls": Bad file descriptor)");
  EXPECT_EQ(error_of({"ls"}, {.descriptors = {{0, 2}}}),
            R"(pass a descriptor as 2 to "ls": Invalid argument)");
  EXPECT_EQ(error_of({"ls"}, {.descriptors = {{0, 3}, {1, 3}}}),
            R"(pass a descriptor as 3 to "ls": Invalid argument)");
  EXPECT_EQ(error_of({"ls"}, {.descriptors = {{0, 1'000'000'000}}}),
            R"(pass descriptors to "ls": Invalid argument)");
}

TEST_P(ProcessStarts, PassArgumentsAsTheyAre) {
  EXPECT_EQ(output_of({"printf", "[%s]", "a b", "", "$HOME", "*", "'\"\n"}),
            "[a b][][$HOME][*]['\"\n]");
  EXPECT_EQ(output_of({"another name", "-c", "echo $0"}, {.program = "sh"}), "another name\n");
  const std::string large(100'000, 'x');
  EXPECT_EQ(output_of({"printf", "%s", large}), large);
}

TEST_P(ProcessStarts, GiveItsEnvironment) {
  ::setenv("RONDO_TEST_KEPT", "kept", 1);
  ::setenv("RONDO_TEST_GONE", "gone", 1);
  const std::string script =
      "echo \"${RONDO_TEST_KEPT-none} ${RONDO_TEST_GONE-none} ${ADDED-none}\"";
  EXPECT_EQ(output_of_shell(script), "kept gone none\n");
  EXPECT_EQ(output_of_shell(script, {.environment = {"RONDO_TEST_GONE", "ADDED=a=b"}}),
            "kept none a=b\n");
  EXPECT_EQ(output_of_shell(script, {.environment = {"ADDED=1", "RONDO_TEST_KEPT=", "ADDED=2"}}),
            " gone 2\n");
  EXPECT_EQ(output_of({"/usr/bin/env"}, {.environment = {"ADDED=1", "ADDED", "LAST=="},
                                         .inherit_environment = false}),
            "LAST==\n");
  ::unsetenv("RONDO_TEST_KEPT");
  ::unsetenv("RONDO_TEST_GONE");
}

TEST_P(ProcessStarts, SearchThePathOfTheProgram) {
  const Folder folder;
  folder.add("rondo_test_tool", "#!/bin/sh\necho found\n", 0755);
  const std::string path = "PATH=/no/such:" + folder.path.string() + ":/bin";
  EXPECT_EQ(output_of({"rondo_test_tool"}, {.environment = {path}}), "found\n");
  EXPECT_EQ(error_of({"rondo_test_tool"}), R"(start "rondo_test_tool": No such file or directory)");
  EXPECT_EQ(output_of({"rondo_test_tool"},
                      {.directory = folder.path.string(), .environment = {"PATH=/no:"}}),
            "found\n");
  EXPECT_EQ(output_of({"sh", "-c", "echo by default"}, {.environment = {"PATH"}}), "by default\n");
}

TEST_P(ProcessStarts, UseItsDirectory) {
  const Folder folder;
  folder.add("tool", "#!/bin/sh\npwd -P\n", 0755);
  const std::string at = std::filesystem::canonical(folder.path).string();
  EXPECT_EQ(output_of({"pwd", "-P"}, {.directory = at}), at + "\n");
  EXPECT_EQ(output_of({"./tool"}, {.directory = at}), at + "\n") << "relative to its directory";
}

TEST_P(ProcessStarts, PassNoOtherDescriptors) {
  const Fd inherited{::fcntl(STDOUT_FILENO, F_DUPFD, 70)};  // not close-on-exec
  // The last one is that by which ls reads the folder.
  EXPECT_EQ(output_of({"ls", "/proc/self/fd"}), "0\n1\n2\n3\n");
}

TEST_P(ProcessStarts, PassDescriptorsUnderTheirNumbers) {
  const Fd one{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  const Fd other{::open("/dev/zero", O_RDONLY | O_CLOEXEC)};
  const std::string script =
      "for n in $NUMBERS; do readlink /proc/self/fd/$n; done; ls /proc/self/fd | wc -l";
  const auto names = [&](int first, int second) {
    return ProcessOptions{
        .descriptors = {{one.get(), first}, {other.get(), second}},
        .environment = {"NUMBERS=" + std::to_string(first) + " " + std::to_string(second)}};
  };
  // What it refers to here is what readlink inherits.
  const std::string expected = "/dev/null\n/dev/zero\n6\n";
  EXPECT_EQ(output_of_shell(script, names(5, 9)), expected);
  EXPECT_EQ(output_of_shell(script, names(other.get(), one.get())), expected) << "exchanged";
  EXPECT_EQ(output_of_shell(script, names(one.get(), other.get())), expected) << "the same";
  EXPECT_EQ(output_of_shell(script, names(200, 100)), expected);
}

TEST_P(ProcessStarts, RedirectTheError) {
  EXPECT_EQ(output_of_shell("echo a; echo b >&2; echo c", {.error = Redirect::to_output()}),
            "a\nb\nc\n");
  EXPECT_EQ(
      output_of_shell("echo a; echo b >&2; readlink /proc/self/fd/2", {.error = Redirect::null()}),
      "a\n/dev/null\n");
  StreamRecorder error;
  EXPECT_EQ(output_of_shell("echo a; echo b >&2", {.error = Redirect::pipe(error)}), "a\n");
  EXPECT_EQ(error.received, "b\n");
}

TEST_P(ProcessStarts, PassBlockingPipes) {
  StreamRecorder input;
  const auto flags =
      output_of_shell("cat >/dev/null; for n in 0 1; do grep flags /proc/self/fdinfo/$n; done",
                      {.input = Redirect::null()});
  EXPECT_EQ(flags.find("4000"), std::string::npos) << flags;
}

TEST_P(ProcessStarts, ResetSignals) {
  sigset_t some;
  sigset_t before;
  sigemptyset(&some);
  sigaddset(&some, SIGUSR1);
  sigaddset(&some, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &some, &before);
  struct sigaction ignore{};
  struct sigaction old_pipe{};
  struct sigaction old_usr2{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &old_pipe);
  ::sigaction(SIGUSR2, &ignore, &old_usr2);
  EXPECT_EQ(output_of({"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}),
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  struct sigaction now{};
  ::sigaction(SIGUSR2, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_IGN) << "here it has not changed";
  ::sigaction(SIGPIPE, &old_pipe, nullptr);
  ::sigaction(SIGUSR2, &old_usr2, nullptr);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_P(ProcessStarts, MakeGroupsAndSessions) {
  // The fields of stat: number, name, state, parent, group, session.
  const std::string script = "read n c s p group session r </proc/$$/stat; echo $$ $group $session";
  const auto numbers = [&](ProcessGroup group) {
    const std::string text = output_of_shell(script, {.group = group});
    std::vector<int> all(3);
    EXPECT_EQ(std::sscanf(text.c_str(), "%d %d %d", &all[0], &all[1], &all[2]), 3) << text;
    return all;
  };
  const auto inherited = numbers(ProcessGroup::inherited);
  EXPECT_EQ(inherited[1], ::getpgrp());
  EXPECT_EQ(inherited[2], ::getsid(0));
  const auto own = numbers(ProcessGroup::own);
  EXPECT_EQ(own[1], own[0]);
  EXPECT_EQ(own[2], ::getsid(0));
  const auto session = numbers(ProcessGroup::session);
  EXPECT_EQ(session[1], session[0]);
  EXPECT_EQ(session[2], session[0]);
}

TEST_P(ProcessStarts, WorkWithoutStandardDescriptorsHere) {
  on_both_paths([] {
    const auto part = [] {
      Reactor own{GetParam().make()};
      for (const int fd : {0, 1, 2}) ::close(fd);  // pipes get these numbers next
      StreamRecorder input;
      StreamRecorder output;
      Ended ended;
      auto process = Process::start(
          own, {"sh", "-c", "read x; echo $x; ls -l /proc/$$/fd; exit 4"}, note_in(ended),
          {.input = Redirect::pipe(input), .output = Redirect::pipe(output)});
      if (!process) return 100;
      process->input()->write("text\n");
      if (!own.run() || ended.times != 1 || output.received.rfind("text\n", 0) != 0) return 101;
      if (output.received.find("2 -> /dev/null") == std::string::npos) return 102;
      return ended.status.code;
    };
    EXPECT_EQ(in_child(part), 4);
  });
}

/// ThreadSanitizer and valgrind make a fork of it.
[[gnu::noinline]] bool vfork_shares_memory() {
  std::atomic<bool> is_shared = false;
  // NOLINTBEGIN(clang-analyzer-*, bugprone-unsafe-functions): it only stores
  const pid_t child = ::vfork();
  if (child == 0) {
    is_shared.store(true);
    ::_exit(0);
  }
  // NOLINTEND(clang-analyzer-*, bugprone-unsafe-functions)
  ::waitpid(child, nullptr, 0);
  return is_shared.load();
}

TEST_P(ProcessStarts, DoNotWaitForForksElsewhere) {
  if (!vfork_shares_memory()) GTEST_SKIP() << "vfork() is fork() here";
  std::string path = "PATH=";
  for (int i = 0; i < 10'000; ++i) path += "/no/such:";  // so that others fork meanwhile
  std::atomic<bool> has_started = false;
  std::atomic<bool> forks = false;
  std::vector<pid_t> others;
  std::thread forking{[&] {
    while (others.size() < 500 && !has_started.load()) {
      others.push_back(::fork());
      forks.store(true);
      if (others.back() != 0) continue;
      ::alarm(60);  // longer than a sanitizer needs for all forks
      ::pause();
    }
  }};
  while (!forks.load()) give_others_time();
  bool has_ended = false;
  auto process = Process::start(reactor, {"true"}, [&](const ExitStatus&) { has_ended = true; },
                                {.environment = {path + "/bin"}});
  has_started.store(true);
  forking.join();
  EXPECT_TRUE(process);
  for (const pid_t other : others) {
    EXPECT_EQ(::waitpid(other, nullptr, WNOHANG), 0) << "it was waited for";
    ::kill(other, SIGKILL);
    ::waitpid(other, nullptr, 0);
  }
  EXPECT_TRUE(run_until(reactor, [&] { return has_ended; }));
}

TEST_P(ProcessStarts, FailWithoutDescriptorsAndLeaveNothing) {
  StreamRecorder recorder;
  const ProcessOptions options{.input = Redirect::pipe(recorder),
                               .output = Redirect::pipe(recorder),
                               .error = Redirect::pipe(recorder)};
  bool has_started = false;
  for (std::size_t spare = 0; !has_started && spare < 20; ++spare) {
    Ended ended;
    std::optional<Result<Process>> process;
    {
      const DescriptorFamine famine{spare};
      process = start({"cat"}, ended, options);
    }
    has_started = process->has_value();
    if (has_started) {
      EXPECT_GE(spare, 6U);
      EXPECT_TRUE((*process)->kill(SIGKILL));
      process->value().take_input().reset();
      process->value().take_output().reset();
      process->value().take_error().reset();
      EXPECT_TRUE(reactor.run());
      EXPECT_EQ(ended.times, 1);
    } else {
      EXPECT_EQ(process->error(), std::errc::too_many_files_open) << process->error().message();
      EXPECT_NE(process->error().message().find("\"cat\""), std::string::npos);
    }
  }
  EXPECT_TRUE(has_started);
  EXPECT_EQ(recorder.opens, 0);
}

}  // namespace
}  // namespace rondo::test
