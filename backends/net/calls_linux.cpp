// SPDX-License-Identifier: MIT
// Linux's sendfile and SO_PEERCRED, and what it opens again by the links in /proc.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "calls.h"
#include "files.h"

namespace rondo::backends {
namespace {

constexpr long pipe_file_system = 0x50495045;  // PIPEFS_MAGIC

/// The link of a terminal's master leads to another, new one. And a FIFO that has a name, opened
/// for reading when its last writer has gone, does not report its end to a poller.
bool can_be_opened_again(int fd, int flags) noexcept {
  struct stat about{};
  if (::fstat(fd, &about) != 0) return false;
  if (S_ISCHR(about.st_mode)) {
    unsigned int number = 0;
    return ::isatty(fd) != 0 && ::ioctl(fd, TIOCGPTN, &number) != 0;
  }
  if (!S_ISFIFO(about.st_mode)) return false;
  struct statfs where{};
  const bool has_no_name = ::fstatfs(fd, &where) == 0 && where.f_type == pipe_file_system;
  return has_no_name || (flags & O_ACCMODE) == O_WRONLY;
}

}  // namespace

int open_again(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -1;
  if (!can_be_opened_again(fd, flags)) {
    errno = ENOTSUP;
    return -1;
  }
  constexpr char folder[] = "/proc/self/fd/";
  char path[sizeof(folder) + 10] = {};
  std::memcpy(path, folder, sizeof(folder));
  (void)std::to_chars(path + sizeof(folder) - 1, path + sizeof(path) - 1, fd);  // it has room
  return ::open(path, (flags & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

int make_nonblocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -1;
  if ((flags & O_NONBLOCK) != 0) return 0;
  const int own = open_again(fd);
  if (own < 0) return set_nonblocking(fd);
  const int kept = ::fcntl(fd, F_GETFD);
  const int moved = ::dup3(own, fd, (kept & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0);
  ::close(own);
  return moved >= 0 ? 0 : set_nonblocking(fd);
}

std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size, int fd) noexcept {
  auto at = static_cast<off_t>(offset);
  return ::sendfile(fd, file, &at, size);
}

int peer_credentials(int fd, Credentials& peer) noexcept {
  ucred found{};
  socklen_t size = sizeof(found);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &found, &size) != 0) return -1;
  // The kernel fills this in if there is no peer, or if the peer is not a Unix socket.
  if (found.uid == static_cast<uid_t>(-1)) {
    errno = ENOTCONN;
    return -1;
  }
  peer = {found.pid, found.uid, found.gid};
  return 0;
}

}  // namespace rondo::backends
