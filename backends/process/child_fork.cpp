// SPDX-License-Identifier: MIT
// macOS, which discourages vfork().
#include <fcntl.h>
#include <unistd.h>

#include "child.h"

namespace rondo::backends {

/// Between the calls a fork in another thread can inherit the descriptors.
int open_pipe(int (&fds)[2]) noexcept {
  if (::pipe(fds) != 0) return -1;
  for (const int fd : fds) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return 0;
}

pid_t start_child(const ProgramStart& what, Report& report) noexcept {
  const pid_t child = ::fork();
  if (child == 0) become(what, report.pipe);
  return child;
}

}  // namespace rondo::backends
