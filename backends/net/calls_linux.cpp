// Linux's sendfile and SO_PEERCRED.
#include <sys/sendfile.h>

#include <cerrno>

#include "calls.h"

namespace rondo::backends {

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
