// SPDX-License-Identifier: MIT
// Starts programs by fork and exec, or vfork and exec.
//
// posix_spawn(3) would do most of it. But its error does not say whether the directory or the
// program is missing, nowhere does it close descriptors that other code has opened without
// FD_CLOEXEC except above those that are passed, and its extensions differ between systems.
//
// The child reports a failure through a pipe that the exec closes. The parent reads it before it
// returns. After vfork() a failure is there already. Where vfork() is fork() (ThreadSanitizer,
// valgrind, macOS) the parent waits for the exec; if another thread forks at that time without an
// exec, until that child ends too, because it has inherited the pipe.
//
// All signals are blocked from before the child is made until the child has reset their actions: a
// handler of the parent must never run in a child that shares its memory.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include <rondo/process_calls.h>

#include "child.h"
#include "descriptor.h"

namespace rondo {
namespace {

using backends::Descriptor;

class AllSignalsBlocked {
 public:
  AllSignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

/// If the child does not share this memory, blocks until the exec has closed the pipe, or a failure
/// was reported. All signals are blocked.
backends::StartFailure read_failure(int report, bool is_shared) noexcept {
  backends::StartFailure failure;
  if (is_shared) (void)::fcntl(report, F_SETFL, O_NONBLOCK);  // a pipe can always be
  const ssize_t size = ::read(report, &failure, sizeof(failure));
  return size == sizeof(failure) ? failure : backends::StartFailure{};
}

class SystemProcessCalls final : public ProcessCalls {
 public:
  int pipe(int (&fds)[2], Direction ours) noexcept override {
    if (backends::open_pipe(fds) != 0) return -errno;
    const int mine = fds[ours == Direction::read ? 0 : 1];
    if (::fcntl(mine, F_SETFL, O_NONBLOCK) == 0) return 0;
    const int error = -errno;
    for (const int fd : fds) ::close(fd);
    return error;
  }
  int open_null() noexcept override {
    const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
  }

  int start(const ProgramStart& what, StartStep& failed) noexcept override;
  int open_exit(int id) noexcept override {
    const int fd = backends::open_exit(id);
    return fd < 0 ? -errno : fd;
  }
  int peek(int id, int exit) noexcept override {
    siginfo_t about{};
    if (backends::wait_for(id, exit, about, WEXITED | WNOHANG | WNOWAIT) != 0) return -errno;
    return about.si_pid == id ? 1 : 0;
  }
  int reap(int id, int exit, ExitStatus& status, bool wait) noexcept override;
  int signal(int id, int exit, int number, bool group) noexcept override {
    const int result = group ? ::kill(-id, number) : backends::send_signal(id, exit, number);
    return result == 0 ? 0 : -errno;
  }
};

int SystemProcessCalls::start(const ProgramStart& what, StartStep& failed) noexcept {
  failed = StartStep::process;
  int fds[2];
  if (backends::open_pipe(fds) != 0) return -errno;
  const Descriptor reading{fds[0]};
  Descriptor writing{fds[1]};
  const AllSignalsBlocked blocked;
  backends::Report report{.pipe = writing.get()};
  const pid_t child = backends::start_child(what, report);
  if (child < 0) return -errno;
  writing = Descriptor{};
  const backends::StartFailure failure = read_failure(reading.get(), report.is_shared.load());
  if (failure.error == 0) return child;
  siginfo_t about{};
  // It fails with ECHILD if SIGCHLD is ignored, when the child has gone.
  while (::waitid(P_PID, static_cast<id_t>(child), &about, WEXITED) != 0 && errno == EINTR)
    continue;
  failed = static_cast<StartStep>(failure.step);
  return -failure.error;
}

int SystemProcessCalls::reap(int id, int exit, ExitStatus& status, bool wait) noexcept {
  siginfo_t about{};
  const int options = wait ? WEXITED : WEXITED | WNOHANG;
  int result = -1;
  do {
    // A descriptor that another poller has made non-blocking does not wait.
    result = backends::wait_for(id, wait ? -1 : exit, about, options);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    const int error = errno;
    if (error == ECHILD && backends::find_lost_status(exit, status)) return 1;
    return -error;
  }
  if (about.si_pid != id) return 0;
  status = {};
  if (about.si_code == CLD_EXITED) {
    status.code = about.si_status;
  } else {
    status.signal = about.si_status;
    status.core_dumped = about.si_code == CLD_DUMPED;
  }
  return 1;
}

}  // namespace

ProcessCalls& system_process_calls() noexcept {
  // Never destroyed: programs may end after all other destructors ran.
  alignas(SystemProcessCalls) static std::byte storage[sizeof(SystemProcessCalls)];
  static ProcessCalls* const calls =
      std::construct_at(reinterpret_cast<SystemProcessCalls*>(storage));
  return *calls;
}

}  // namespace rondo
