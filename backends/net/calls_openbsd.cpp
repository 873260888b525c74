// SPDX-License-Identifier: MIT
// OpenBSD's SO_PEERCRED.
#include <cerrno>

#include "calls.h"

namespace rondo::backends {

int peer_credentials(int fd, Credentials& peer) noexcept {
  sockpeercred found{};
  socklen_t size = sizeof(found);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &found, &size) != 0) {
    if (errno == EINVAL || errno == EOPNOTSUPP) errno = ENOTCONN;  // not a Unix socket
    return -1;
  }
  peer = {found.pid, found.uid, found.gid};
  return 0;
}

}  // namespace rondo::backends
