// SPDX-License-Identifier: MIT
// Systems on which /dev/fd/N is another name for the same file description: a terminal is opened
// again by its name, and nothing else is.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "calls.h"
#include "files.h"

namespace rondo::backends {

int open_again(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -1;
  char name[128];
  // The name of a master leads to another, new one.
  const bool has_name =
      ::isatty(fd) != 0 && ::ptsname(fd) == nullptr && ::ttyname_r(fd, name, sizeof(name)) == 0;
  if (!has_name) {
    errno = ENOTSUP;
    return -1;
  }
  return ::open(name, (flags & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

int make_nonblocking(int fd) noexcept { return set_nonblocking(fd); }

}  // namespace rondo::backends
