// SPDX-License-Identifier: MIT
// The parts of SystemProcessCalls that differ between systems. Meson picks the files that define
// them. They return -1 and set errno on failure.
#pragma once

#include <sys/wait.h>

#include <atomic>

#include <rondo/process_calls.h>

namespace rondo::backends {

/// What the child writes to its parent, if it cannot run the program. Without padding, whose bytes
/// would be undefined.
struct StartFailure {
  int step = 0;  // a StartStep
  int error = 0;
};

/// How a child tells its parent that it cannot run the program.
struct Report {
  int pipe = -1;
  /// The child sets it. Where the parent sees that, both share their memory, and the parent waited
  /// until the child had run the program or failed.
  std::atomic<bool> is_shared = false;
};

/// Close-on-exec.
int open_pipe(int (&fds)[2]) noexcept;

/// The part of the child between its birth and the program: it runs in memory that it may share
/// with its parent, and so makes only calls that are safe in signal handlers. Reports a failure
/// through `report`.
[[noreturn]] void become(const ProgramStart& what, int report) noexcept;

/// Makes a child that runs become(), by vfork() where that is safe. All signals are blocked.
pid_t start_child(const ProgramStart& what, Report& report) noexcept;

/// Closes every open descriptor from `first` on, now or by the exec. Called by become().
void close_from(int first) noexcept;

/// ENOSYS: this system has none.
int open_exit(pid_t id) noexcept;
/// waitid() for the process, by `exit` where the system can: then no other process is ever found.
int wait_for(pid_t id, int exit, siginfo_t& about, int options) noexcept;
/// The status of a process that another wait has removed. False: it is lost.
bool find_lost_status(int exit, ExitStatus& status) noexcept;
int send_signal(pid_t id, int exit, int number) noexcept;

}  // namespace rondo::backends
