// SPDX-License-Identifier: MIT
// NetBSD's LOCAL_PEEREID.
#include <sys/un.h>

#include <cerrno>

#include "calls.h"

namespace rondo::backends {

int peer_credentials(int fd, Credentials& peer) noexcept {
  unpcbid found{};
  socklen_t size = sizeof(found);
  if (::getsockopt(fd, SOL_LOCAL, LOCAL_PEEREID, &found, &size) != 0) {
    if (errno == EINVAL || errno == ENOPROTOOPT) errno = ENOTCONN;  // not a Unix socket
    return -1;
  }
  peer = {found.unp_pid, found.unp_euid, found.unp_egid};
  return 0;
}

}  // namespace rondo::backends
