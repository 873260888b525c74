// SPDX-License-Identifier: MIT
// Calls on descriptors that are not sockets and were opened elsewhere: pipes and terminals. They
// return -1 and set errno on failure.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <span>

#include <rondo/net.h>

#include "calls.h"

namespace rondo::backends {

inline bool sigpipe_is_pending() noexcept {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1;
}

/// Calls `write` without raising SIGPIPE, and leaves the errno of `write`. Two system calls block
/// and unblock the signal. Only where the caller has blocked it may one be pending, which the
/// caller is to see: two calls find that out.
template <typename Write>
std::ptrdiff_t write_quietly(Write write) noexcept {
  sigset_t sigpipe;
  sigset_t before;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
  const bool was_blocked = sigismember(&before, SIGPIPE) == 1;
  const bool was_pending = was_blocked && sigpipe_is_pending();
  const std::ptrdiff_t result = write();
  const int write_errno = errno;
  if (result < 0 && write_errno == EPIPE && !was_pending) take_pending_sigpipe();
  if (!was_blocked) pthread_sigmask(SIG_SETMASK, &before, nullptr);
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

/// Sets O_NONBLOCK for all that share the file description.
inline int set_nonblocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -1;
  return (flags & O_NONBLOCK) != 0 ? 0 : ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/// False: errno is EAGAIN, or the error of poll(2).
inline bool is_ready_for(int fd, short events) noexcept {
  pollfd question{fd, events, 0};
  const int count = ::poll(&question, 1, 0);
  if (count == 0) errno = EAGAIN;
  return count > 0;
}

inline std::ptrdiff_t read_shared(int fd, MutableBytes into) noexcept {
  const ssize_t received = ::recv(fd, into.data(), into.size(), MSG_DONTWAIT);
  if (received >= 0 || errno != ENOTSOCK) return received;
  return is_ready_for(fd, POLLIN) ? ::read(fd, into.data(), into.size()) : -1;
}

/// A pipe that is ready takes PIPE_BUF bytes without blocking. A terminal is ready when it has room
/// for 256; one that takes fewer at this moment would block until it has sent the rest.
inline std::ptrdiff_t write_shared(int fd, std::span<iovec> parts) noexcept {
  msghdr header{};
  header.msg_iov = parts.data();
  header.msg_iovlen = static_cast<decltype(header.msg_iovlen)>(parts.size());
  const ssize_t sent = ::sendmsg(fd, &header, send_flags | MSG_DONTWAIT);
  if (sent >= 0 || errno != ENOTSOCK) return sent;
  if (!is_ready_for(fd, POLLOUT)) return -1;
  constexpr std::size_t terminal_room_min = 256;
  const std::size_t most = ::isatty(fd) != 0 ? terminal_room_min : PIPE_BUF;
  const iovec& first = parts.front();
  return write_quietly([&] { return ::write(fd, first.iov_base, std::min(first.iov_len, most)); });
}

}  // namespace rondo::backends
