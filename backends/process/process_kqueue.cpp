// SPDX-License-Identifier: MIT
// FreeBSD, NetBSD, OpenBSD and macOS: a kqueue that watches one process is a descriptor that is
// ready when the process has ended, for any poller.
#include <sys/types.h>  // first: older systems' <sys/event.h> does not include it

#include <sys/event.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "child.h"

namespace rondo::backends {

int open_exit(pid_t id) noexcept {
  const int queue = ::kqueue();
  if (queue < 0) return -1;
  ::fcntl(queue, F_SETFD, FD_CLOEXEC);
  struct kevent change{};
  change.ident = static_cast<decltype(change.ident)>(id);
  change.filter = EVFILT_PROC;
  change.flags = EV_ADD;
  change.fflags = NOTE_EXIT;
  if (::kevent(queue, &change, 1, nullptr, 0, nullptr) == 0) return queue;
  // ESRCH: it has ended already, and its SIGCHLD has come.
  const int error = errno;
  ::close(queue);
  errno = error == ESRCH ? ENOSYS : error;
  return -1;
}

int wait_for(pid_t id, int, siginfo_t& about, int options) noexcept {
  return ::waitid(P_PID, static_cast<id_t>(id), &about, options);
}

bool find_lost_status(int, ExitStatus&) noexcept { return false; }

int send_signal(pid_t id, int, int number) noexcept { return ::kill(id, number); }

}  // namespace rondo::backends
