// rondo: descriptors passed to another process, over a Unix socket. Stream passes them too.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <rondo/export.h>
#include <rondo/net.h>
#include <rondo/result.h>
#include <rondo/socket.h>

namespace rondo {

/// What goes with one send: SCM_MAX_FD of Linux, held everywhere.
constexpr std::size_t descriptors_per_send_max = 253;

/// Sends `data`, at least one byte, and duplicates of `descriptors` with the first of them; they
/// stay the caller's too. Returns the bytes taken, which on a stream may be fewer: the descriptors
/// have gone then, the rest is for write(). On an error nothing has gone. Errors: invalid_argument
/// without data or above descriptors_per_send_max, bad_file_descriptor, operation_would_block,
/// ETOOMANYREFS (more of this user's are under way than a process may open),
/// operation_not_supported on what is no Unix socket.
[[nodiscard]] RONDO_EXPORT Result<std::size_t, std::error_code> send_descriptors(
    Socket& socket, Bytes data, std::span<const int> descriptors) noexcept;

struct ReceivedDescriptors {
  std::size_t size = 0;  ///< bytes read; 0: the end of input, unless it was an empty datagram
  /// In their order. Each owns what it holds, socket or not, and is close-on-exec.
  std::vector<Socket> descriptors{};
  /// Some did not arrive, as a rule because this process may open no more. Those that did have
  /// been closed, for which of them are missing is not known.
  bool lost = false;
  bool truncated = false;  ///< the datagram was larger than the room for it
};

/// Reads as Socket::read does, with the descriptors that came with the bytes. A stream's read ends
/// behind the bytes of one send that had descriptors. What is read without this is closed by the
/// kernel. Errors: as Socket::read. Throws std::bad_alloc, all that was received closed.
[[nodiscard]] RONDO_EXPORT Result<ReceivedDescriptors, std::error_code> receive_with_descriptors(
    Socket& socket, MutableBytes into);

}  // namespace rondo
