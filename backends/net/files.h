// Calls on descriptors that are not sockets and were opened elsewhere: pipes and terminals. They
// return -1 and set errno on failure.
#pragma once

#include <fcntl.h>
#include <signal.h>

#include <cerrno>
#include <cstddef>

#include <rondo/net.h>

#include "calls.h"

namespace rondo::backends {

/// Calls `write` without raising SIGPIPE, and leaves the errno of `write`.
template <typename Write>
std::ptrdiff_t write_quietly(Write write) noexcept {
  sigset_t sigpipe;
  sigset_t pending;
  sigset_t before;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  sigemptyset(&pending);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
  const std::ptrdiff_t result = write();
  const int write_errno = errno;
  if (result < 0 && write_errno == EPIPE && sigismember(&pending, SIGPIPE) == 0)
    take_pending_sigpipe();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = write_errno;
  return result;
}

/// Returns the number of a Direction.
inline int opened_for(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -1;
  const int mode = flags & O_ACCMODE;
  if (mode == O_RDONLY) return static_cast<int>(Direction::read);
  return static_cast<int>(mode == O_WRONLY ? Direction::write : Direction::both);
}

inline int set_nonblocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -1;
  return (flags & O_NONBLOCK) != 0 ? 0 : ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

}  // namespace rondo::backends
