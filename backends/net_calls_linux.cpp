// The kernel that sets flags at creation and moves messages in batches: Linux, and in principle
// FreeBSD and NetBSD, which took over these calls (not verified there).
//
// A descriptor is non-blocking and close-on-exec from its first moment on: a fork and exec in
// another thread can never inherit it. recvmmsg and sendmmsg want an array of their own type; the
// headers are copied there and back, which is small beside the call.
#include <sys/sendfile.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include <rondo/assert.h>

#include "net_calls.h"

namespace rondo::backends {
namespace {

constexpr int creation_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

}  // namespace

const int send_flags = MSG_NOSIGNAL;

int open_socket(int domain, int type) noexcept {
  return ::socket(domain, type | creation_flags, 0);
}

int open_pair(int type, int (&fds)[2]) noexcept {
  return ::socketpair(AF_UNIX, type | creation_flags, 0, fds);
}

int open_accepted(int fd, sockaddr* peer, socklen_t* peer_size) noexcept {
  return ::accept4(fd, peer, peer_size, creation_flags);
}

int receive_messages(int fd, std::span<msghdr> headers, std::span<std::size_t> sizes,
                     Sizes wanted) noexcept {
  RONDO_ASSERT(headers.size() <= messages_max && sizes.size() == headers.size());
  mmsghdr batch[messages_max];
  for (std::size_t i = 0; i < headers.size(); ++i) batch[i] = {headers[i], 0};
  const auto count = static_cast<unsigned>(headers.size());
  // To TCP, MSG_TRUNC means to throw the data away.
  const int flags = MSG_CMSG_CLOEXEC | (wanted == Sizes::whole ? MSG_TRUNC : 0);
  const int moved = ::recvmmsg(fd, batch, count, flags, nullptr);
  for (int i = 0; i < moved; ++i) {
    const auto at = static_cast<std::size_t>(i);
    headers[at] = batch[at].msg_hdr;
    sizes[at] = batch[at].msg_len;
  }
  return moved;
}

int send_messages(int fd, std::span<msghdr> headers, std::span<std::size_t> sizes) noexcept {
  RONDO_ASSERT(headers.size() <= messages_max && sizes.size() == headers.size());
  mmsghdr batch[messages_max];
  for (std::size_t i = 0; i < headers.size(); ++i) batch[i] = {headers[i], 0};
  const int moved = ::sendmmsg(fd, batch, static_cast<unsigned>(headers.size()), send_flags);
  for (int i = 0; i < moved; ++i) {
    sizes[static_cast<std::size_t>(i)] = batch[i].msg_len;
  }
  return moved;
}

std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size, int fd) noexcept {
  auto at = static_cast<off_t>(offset);
  return ::sendfile(fd, file, &at, size);
}

int peer_credentials(int fd, Credentials& peer) noexcept {
  ucred found{};
  socklen_t size = sizeof(found);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &found, &size) != 0) return -1;
  // What the kernel fills in where there is no peer, or none of the Unix family.
  if (found.uid == static_cast<uid_t>(-1)) {
    errno = ENOTCONN;
    return -1;
  }
  peer = {found.pid, found.uid, found.gid};
  return 0;
}

void take_pending_sigpipe() noexcept {
  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  const timespec no_wait{};
  ::sigtimedwait(&sigpipe, nullptr, &no_wait);  // none pending, where it is ignored: that is fine
}

}  // namespace rondo::backends
