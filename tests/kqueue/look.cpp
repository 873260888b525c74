// SPDX-License-Identifier: MIT
// Translates the results of Linux' poll() to those of kqueue(2), one filter at a time. Nothing here
// changes the descriptor: SO_ERROR stays unread, so events have no fflags.
#include "look.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

namespace rondo::test {

int watch_process(int kq, const struct kevent& change) noexcept {
  if ((change.flags & EV_ADD) == 0 || (change.fflags & NOTE_EXIT) == 0) return EINVAL;
  const auto process = static_cast<int>(syscall(SYS_pidfd_open, change.ident, 0));
  if (process < 0) return errno;
  const int moved = dup3(process, kq, O_CLOEXEC);
  const int error = errno;
  close(process);
  return moved < 0 ? error : 0;
}

const short poll_all = POLLIN | POLLOUT | POLLRDHUP;

namespace {

int socket_option(int fd, int name) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : 0;
}

std::int64_t count_of(int fd, unsigned long request) noexcept {
  int count = 0;
  return ioctl(fd, request, &count) == 0 ? count : 0;
}

/// Whether this side has shut down its writing direction: poll() reports only "writable" then.
bool is_write_shut(int fd) noexcept {
  if (socket_option(fd, SO_TYPE) != SOCK_STREAM) return false;
  if (socket_option(fd, SO_DOMAIN) ==
      AF_UNIX)  // a write of no bytes: it sends nothing, but its result shows the state
    return send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EPIPE;
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  switch (info.tcpi_state) {
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
      return true;
    default:
      return false;
  }
}

Look look_at_socket(int fd, short filter, short polled) noexcept {
  // Neither connected nor connecting: the BSDs report nothing, Linux reports OUT and HUP.
  if ((polled & (poll_all | POLLHUP | POLLERR)) == (POLLOUT | POLLHUP)) return {};
  const bool is_datagram = socket_option(fd, SO_TYPE) == SOCK_DGRAM;
  Look found;
  if (filter == EVFILT_READ) {
    found.ready = (polled & (POLLIN | POLLRDHUP | POLLHUP | POLLERR)) != 0;
    found.end = !is_datagram && (polled & (POLLRDHUP | POLLHUP)) != 0;
    found.data = socket_option(fd, SO_ACCEPTCONN) != 0 ? 1 : count_of(fd, FIONREAD);
  } else {
    found.ready = (polled & (POLLOUT | POLLHUP | POLLERR)) != 0;
    found.end =
        !is_datagram && found.ready && ((polled & (POLLHUP | POLLERR)) != 0 || is_write_shut(fd));
    found.data = socket_option(fd, SO_SNDBUF) - count_of(fd, SIOCOUTQ);
  }
  return found;
}

Look look_at_pipe(int fd, short filter, short polled) noexcept {
  Look found;
  found.end = (polled & (POLLHUP | POLLERR)) != 0;
  found.ready = found.end || (polled & (filter == EVFILT_READ ? POLLIN : POLLOUT)) != 0;
  found.data = filter == EVFILT_READ ? count_of(fd, FIONREAD) : PIPE_BUF;
  return found;
}

}  // namespace

std::optional<Identity> identity_of(int fd) noexcept {
  struct stat status{};
  if (fstat(fd, &status) != 0) return std::nullopt;
  return Identity{status.st_dev, status.st_ino, status.st_mode & S_IFMT};
}

Look look(int fd, mode_t mode, short filter, short polled) noexcept {
  if (S_ISSOCK(mode)) return look_at_socket(fd, filter, polled);
  if (S_ISREG(mode)) {
    struct stat status{};
    if (fstat(fd, &status) != 0) return {};
    const std::int64_t rest = status.st_size - lseek(fd, 0, SEEK_CUR);
    return {.ready = rest != 0, .end = false, .data = rest};
  }
  return look_at_pipe(fd, filter, polled);  // also terminals and similar files
}

int refusal(int fd, short filter) noexcept {
  struct stat status{};
  if (fstat(fd, &status) != 0) return EBADF;
  if (S_ISSOCK(status.st_mode) || S_ISFIFO(status.st_mode)) return 0;
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
    return filter == EVFILT_READ ? 0 : EINVAL;  // "not supported for vnodes"
  const int probe = epoll_create1(EPOLL_CLOEXEC);
  epoll_event nothing{};
  const bool refused = epoll_ctl(probe, EPOLL_CTL_ADD, fd, &nothing) != 0;
  close(probe);
  return refused ? EINVAL : 0;
}

bool is_widowed(int fd) noexcept {
  struct stat status{};
  if (fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) return false;
  pollfd item{fd, poll_all, 0};
  return poll(&item, 1, 0) == 1 && (item.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace rondo::test
