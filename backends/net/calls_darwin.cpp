// SPDX-License-Identifier: MIT
// macOS, which cannot set flags when it creates a descriptor.
//
// The flags are set right after the call. In between, a fork and exec in another thread can inherit
// the descriptor: XNU offers nothing better. SO_NOSIGPIPE on each socket replaces MSG_NOSIGNAL.
// There is no system call for several messages, and after a first message the error of a second
// call would be lost, so each call moves one. This file was compiled and linked, but never run.
#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "calls.h"

namespace rondo::backends {
namespace {

bool set_up(int fd) noexcept {
  const int on = 1;
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
         ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
         // EINVAL: the peer of an accepted socket has closed it already; nothing will be sent.
         (::setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on)) == 0 || errno == EINVAL);
}

void close_keeping_errno(int fd) noexcept {
  const int error = errno;
  ::close(fd);
  errno = error;
}

int set_up_or_close(int fd) noexcept {
  if (fd < 0 || set_up(fd)) return fd;
  close_keeping_errno(fd);
  return -1;
}

void set_close_on_exec(msghdr& header) noexcept {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const auto* const end = reinterpret_cast<const unsigned char*>(part) + part->cmsg_len;
    for (const unsigned char* at = CMSG_DATA(part); at + sizeof(int) <= end; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, at, sizeof(fd));
      ::fcntl(fd, F_SETFD, FD_CLOEXEC);  // cannot fail on a received descriptor
    }
  }
}

}  // namespace

const int send_flags = 0;

int open_socket(int domain, int type) noexcept {
  return set_up_or_close(::socket(domain, type, 0));
}

int open_pair(int type, int (&fds)[2]) noexcept {
  if (::socketpair(AF_UNIX, type, 0, fds) != 0) return -1;
  if (set_up(fds[0]) && set_up(fds[1])) return 0;
  close_keeping_errno(fds[0]);
  close_keeping_errno(fds[1]);
  return -1;
}

int open_accepted(int fd, sockaddr* peer, socklen_t* peer_size) noexcept {
  return set_up_or_close(::accept(fd, peer, peer_size));
}

int receive_messages(int fd, std::span<msghdr> headers, std::span<std::size_t> sizes,
                     Sizes) noexcept {
  const ssize_t size = ::recvmsg(fd, &headers[0], 0);
  if (size < 0) return -1;
  sizes[0] = static_cast<std::size_t>(size);
  set_close_on_exec(headers[0]);
  return 1;
}

int send_messages(int fd, std::span<msghdr> headers, std::span<std::size_t> sizes) noexcept {
  const ssize_t size = ::sendmsg(fd, &headers[0], send_flags);
  if (size < 0) return -1;
  sizes[0] = static_cast<std::size_t>(size);
  return 1;
}

// sendfile returns EAGAIN even if it has sent a part.
std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size, int fd) noexcept {
  auto sent = static_cast<off_t>(size);
  const int result = ::sendfile(file, fd, static_cast<off_t>(offset), &sent, nullptr, 0);
  return result == 0 || sent > 0 ? static_cast<std::ptrdiff_t>(sent) : -1;
}

int peer_credentials(int fd, Credentials& peer) noexcept {
  uid_t user = 0;
  gid_t group = 0;
  if (::getpeereid(fd, &user, &group) != 0) {
    if (errno == EINVAL || errno == EOPNOTSUPP) errno = ENOTCONN;  // not a Unix socket
    return -1;
  }
  pid_t process = -1;
  socklen_t size = sizeof(process);
  if (::getsockopt(fd, SOL_LOCAL, LOCAL_PEERPID, &process, &size) != 0) process = -1;
  peer = {process, user, group};
  return 0;
}

}  // namespace rondo::backends
