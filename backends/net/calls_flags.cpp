// SPDX-License-Identifier: MIT
// Linux, FreeBSD, NetBSD and OpenBSD (7.2) set flags when they create a descriptor, and move
// messages in batches.
//
// A descriptor is non-blocking and close-on-exec from the start, so a fork and exec in another
// thread never inherits it. recvmmsg and sendmmsg need an array of mmsghdr, with fields of types
// that differ between systems. The headers are copied there and back: cheap compared with the call.
#include <sys/socket.h>

#include <rondo/assert.h>

#include "calls.h"
#include "info.h"

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
  // For TCP, MSG_TRUNC discards the data.
  const bool wants_whole = reports_whole_sizes && wanted == Sizes::whole;
  const int flags = MSG_CMSG_CLOEXEC | (wants_whole ? MSG_TRUNC : 0);
  // recvmmsg of Linux reports a reset before the data that preceded it; recvmsg does not.
  if (headers.size() == 1) {
    const ssize_t size = ::recvmsg(fd, headers.data(), flags);
    if (size < 0) return -1;
    sizes[0] = static_cast<std::size_t>(size);
    return 1;
  }
  mmsghdr batch[messages_max];
  for (std::size_t i = 0; i < headers.size(); ++i) batch[i] = {headers[i], 0};
  const auto count = static_cast<unsigned>(headers.size());
  // NOLINTNEXTLINE(readability-redundant-casting): FreeBSD's is a ssize_t
  const int moved = static_cast<int>(::recvmmsg(fd, batch, count, flags, nullptr));
  for (int i = 0; i < moved; ++i) {
    const auto at = static_cast<std::size_t>(i);
    headers[at] = batch[at].msg_hdr;
    sizes[at] = static_cast<std::size_t>(batch[at].msg_len);
  }
  return moved;
}

int send_messages(int fd, std::span<msghdr> headers, std::span<std::size_t> sizes) noexcept {
  RONDO_ASSERT(headers.size() <= messages_max && sizes.size() == headers.size());
  mmsghdr batch[messages_max];
  for (std::size_t i = 0; i < headers.size(); ++i) batch[i] = {headers[i], 0};
  const auto count = static_cast<unsigned>(headers.size());
  // NOLINTNEXTLINE(readability-redundant-casting): FreeBSD's is a ssize_t
  const int moved = static_cast<int>(::sendmmsg(fd, batch, count, send_flags));
  for (int i = 0; i < moved; ++i) {
    sizes[static_cast<std::size_t>(i)] = static_cast<std::size_t>(batch[i].msg_len);
  }
  return moved;
}

}  // namespace rondo::backends
