// SPDX-License-Identifier: MIT
// FreeBSD's sendfile and LOCAL_PEERCRED, which includes the process since FreeBSD 13.
#include <sys/types.h>  // first: <sys/ucred.h> does not include it

#include <sys/ucred.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <cerrno>

#include "calls.h"

namespace rondo::backends {

// sendfile returns EAGAIN even if it has sent a part. A size of 0 would mean the whole file.
std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size, int fd) noexcept {
  if (size == 0) return 0;
  off_t sent = 0;
  const int result = ::sendfile(file, fd, static_cast<off_t>(offset), size, nullptr, &sent, 0);
  return result == 0 || sent > 0 ? static_cast<std::ptrdiff_t>(sent) : -1;
}

int peer_credentials(int fd, Credentials& peer) noexcept {
  xucred found{};
  socklen_t size = sizeof(found);
  if (::getsockopt(fd, SOL_LOCAL, LOCAL_PEERCRED, &found, &size) != 0) {
    if (errno == EINVAL || errno == ENOPROTOOPT) errno = ENOTCONN;  // not a Unix socket
    return -1;
  }
  const std::int64_t process = found.cr_pid > 0 ? found.cr_pid : -1;
  peer = {process, found.cr_uid, found.cr_gid};
  return 0;
}

}  // namespace rondo::backends
