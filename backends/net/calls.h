// The socket calls that kernels do not share. Meson picks the files that define them, by system;
// nothing else in system_net.cpp depends on it. Results follow the system's: -1, with errno set, on
// failure.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include <rondo/net.h>

namespace rondo::backends {

/// What every send needs besides, so that no SIGPIPE is raised.
extern const int send_flags [[gnu::visibility("hidden")]];

/// Non-blocking, close-on-exec, and unable to raise SIGPIPE if send_flags do not see to that.
int open_socket(int domain, int type) noexcept;
int open_pair(int type, int (&fds)[2]) noexcept;
int open_accepted(int fd, sockaddr* peer, socklen_t* peer_size) noexcept;

/// One system call where there is one for several messages, else one message. `sizes` gets the
/// bytes of each, which for `whole` datagrams, where the system can tell, are those before they
/// were truncated. Returns how many were moved. Received descriptors are close-on-exec.
enum class Sizes : bool { moved, whole };
int receive_messages(int fd, std::span<msghdr> headers, std::span<std::size_t> sizes,
                     Sizes wanted) noexcept;
int send_messages(int fd, std::span<msghdr> headers, std::span<std::size_t> sizes) noexcept;

/// May raise SIGPIPE. Returns the bytes moved, 0 at the end of the file.
std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size, int fd) noexcept;
/// ENOTCONN where nobody is known.
int peer_credentials(int fd, Credentials& peer) noexcept;

/// Takes the SIGPIPE that is pending for this thread, which blocks it, if there is one.
void take_pending_sigpipe() noexcept;

/// How many messages receive_messages and send_messages take at most.
constexpr std::size_t messages_max = 32;

}  // namespace rondo::backends
