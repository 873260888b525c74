// SPDX-License-Identifier: MIT
// The socket calls that differ between kernels. Meson picks the files that define them for the
// system. They return -1 and set errno on failure.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include <rondo/net.h>

namespace rondo::backends {

/// Flags for every send, so that it does not raise SIGPIPE.
extern const int send_flags [[gnu::visibility("hidden")]];

/// The new descriptor is non-blocking and close-on-exec. It never raises SIGPIPE if send_flags
/// cannot prevent that.
int open_socket(int domain, int type) noexcept;
int open_pair(int type, int (&fds)[2]) noexcept;
int open_accepted(int fd, sockaddr* peer, socklen_t* peer_size) noexcept;

/// Moves several messages with one system call, or one message where the system has no such call.
/// Returns the number of messages moved. `sizes` receives the bytes of each; with Sizes::whole, and
/// where the system reports it, the size of a datagram before it was truncated. Received
/// descriptors are close-on-exec.
enum class Sizes : bool { moved, whole };
int receive_messages(int fd, std::span<msghdr> headers, std::span<std::size_t> sizes,
                     Sizes wanted) noexcept;
int send_messages(int fd, std::span<msghdr> headers, std::span<std::size_t> sizes) noexcept;

/// May raise SIGPIPE. Returns the bytes moved, 0 at the end of the file.
std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size, int fd) noexcept;
/// The same by reading and writing.
std::ptrdiff_t copy_file(int file, std::uint64_t offset, std::size_t size, int fd) noexcept;
/// ENOTCONN: the peer is unknown.
int peer_credentials(int fd, Credentials& peer) noexcept;

/// Opens a pipe or a terminal again: non-blocking, close-on-exec, with flags of its own. ENOTSUP:
/// it is something else, or this system has no way.
int open_again(int fd) noexcept;
/// Makes `fd` non-blocking, by open_again() if the system can put the result under the same number.
int make_nonblocking(int fd) noexcept;

/// Consumes a pending SIGPIPE, if there is one. This thread must have blocked the signal.
void take_pending_sigpipe() noexcept;

/// The largest number of messages for receive_messages and send_messages.
constexpr std::size_t messages_max = 32;

}  // namespace rondo::backends
