// SPDX-License-Identifier: MIT
// What the child does before it is the program. After vfork() it shares the memory of its parent,
// which waits: so nothing here allocates, takes a lock, or changes what the parent relies on, and
// errors go through the pipe.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "child.h"

namespace rondo::backends {
namespace {

constexpr int exit_code_of_failure = 127;

[[noreturn]] void fail(int report, StartStep step) noexcept {
  const StartFailure failure{static_cast<int>(step), errno};
  // A parent that cannot be told sees the exit code.
  (void)!::write(report, &failure, sizeof(failure));
  ::_exit(exit_code_of_failure);  // tidy: allow abort: this is the child, which has no program
}

void reset_signals() noexcept {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  // It fails for those that cannot be caught, and for those that the C library keeps to itself.
  for (int number = 1; number < NSIG; ++number) (void)::sigaction(number, &action, nullptr);
}

bool join_group(ProcessGroup group) noexcept {
  switch (group) {
    case ProcessGroup::own:
      return ::setpgid(0, 0) == 0;
    case ProcessGroup::session:
      return ::setsid() >= 0;
    case ProcessGroup::inherited:
      break;
  }
  return true;
}

/// Returns another number for `fd`, above all numbers that the program is to have.
int move_above(int fd, int highest) noexcept { return ::fcntl(fd, F_DUPFD_CLOEXEC, highest + 1); }

/// Gives each descriptor its number. First all are moved out of the way, since the number of one
/// may be the descriptor of another.
bool place_descriptors(std::span<ProgramStart::Descriptor> descriptors, int highest) noexcept {
  for (ProgramStart::Descriptor& one : descriptors) {
    if (one.fd == one.number || one.fd > highest) continue;
    one.fd = move_above(one.fd, highest);
    if (one.fd < 0) return false;
  }
  return std::all_of(descriptors.begin(), descriptors.end(), [](const auto& one) {
    return one.fd == one.number || ::dup2(one.fd, one.number) == one.number;
  });
}

/// Keeps those of the program from being closed by the exec, and no others. `report` gets the
/// number after theirs: what is above it can be closed at once.
bool keep_descriptors(std::span<const ProgramStart::Descriptor> descriptors, int highest,
                      int& report) noexcept {
  const int next = highest + 1;
  if (report != next) {
    if (::dup2(report, next) != next) return false;
    report = next;
  }
  for (int fd = 0; fd <= next; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  close_from(next + 1);
  return std::all_of(descriptors.begin(), descriptors.end(),
                     [](const auto& one) { return ::fcntl(one.number, F_SETFD, 0) == 0; });
}

/// Tries the paths as execvp(3) does, but never a shell. errno is the error that tells most: that a
/// file may not be executed says more than that another one does not exist.
void execute(const ProgramStart& what) noexcept {
  bool was_refused = false;
  for (const char* const* file = what.files; *file != nullptr; ++file) {
    ::execve(*file, what.arguments, what.environment);
    if (errno == EACCES) {
      was_refused = true;
    } else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV) {
      return;
    }
  }
  if (was_refused) errno = EACCES;
}

}  // namespace

void become(const ProgramStart& what, int report) noexcept {
  reset_signals();
  if (!join_group(what.group)) fail(report, StartStep::group);
  if (what.directory != nullptr && ::chdir(what.directory) != 0) fail(report, StartStep::directory);
  int highest = STDERR_FILENO;
  for (const ProgramStart::Descriptor& one : what.descriptors)
    highest = std::max(highest, one.number);
  if (report <= highest) {
    const int moved = move_above(report, highest);
    if (moved < 0) fail(report, StartStep::descriptors);
    report = moved;
  }
  if (!place_descriptors(what.descriptors, highest) ||
      !keep_descriptors(what.descriptors, highest, report))
    fail(report, StartStep::descriptors);
  sigset_t none;
  sigemptyset(&none);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): this process has one thread
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  execute(what);
  fail(report, StartStep::program);
}

}  // namespace rondo::backends
