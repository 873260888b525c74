// SPDX-License-Identifier: MIT
// rondo: passing descriptors to another process over a Unix socket. Stream can pass them too.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <rondo/export.h>
#include <rondo/net.h>
#include <rondo/result.h>
#include <rondo/socket.h>

namespace rondo {

/// The most descriptors of one send: SCM_MAX_FD of Linux, used on every system.
constexpr std::size_t descriptors_per_send_max = 253;

/// Sends `data`, at least one byte, and with its first byte duplicates of `descriptors`; the caller
/// keeps the originals. Returns the number of bytes sent. On a stream it may be less than the size
/// of `data`; the descriptors have been sent then, and write() can send the rest. After an error
/// nothing has been sent. Errors: invalid_argument without data or with more than
/// descriptors_per_send_max, bad_file_descriptor, operation_would_block, ETOOMANYREFS (this user
/// has more descriptors in flight than a process may open), operation_not_supported on a socket of
/// another family.
///
///     auto sent = rondo::send_descriptors(socket, data, std::array{file.fd()});
[[nodiscard]] RONDO_EXPORT Result<std::size_t, std::error_code> send_descriptors(
    Socket& socket, Bytes data, std::span<const int> descriptors) noexcept;

/// What receive_with_descriptors() has read.
struct ReceivedDescriptors {
  std::size_t size = 0;  ///< bytes read; 0: the end of input, or an empty datagram
  /// In the order of the send. Each is close-on-exec, and is owned even if it is not a socket.
  std::vector<Socket> descriptors{};
  /// Some descriptors did not arrive, usually because this process may not open more. Those that
  /// arrived were closed, since the system does not report which ones are missing.
  bool lost = false;
  bool truncated = false;  ///< the datagram was larger than the buffer
};

/// Reads like Socket::read(), and receives the descriptors that were sent with the bytes. On a
/// stream a read ends after the bytes of a send that had descriptors. The kernel closes descriptors
/// that arrive during another kind of read. Errors: those of Socket::read(). If it throws
/// std::bad_alloc, all received descriptors are closed.
[[nodiscard]] RONDO_EXPORT Result<ReceivedDescriptors, std::error_code> receive_with_descriptors(
    Socket& socket, MutableBytes into);

}  // namespace rondo
