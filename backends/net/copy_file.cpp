// SPDX-License-Identifier: MIT
// What the system's sendfile does, for a file that it refuses: each call copies one piece through
// the program. Bytes that the socket does not accept are read again by the next call.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "calls.h"

namespace rondo::backends {
namespace {

constexpr std::size_t piece_size_max = std::size_t{64} << 10U;

}  // namespace

std::ptrdiff_t copy_file(int file, std::uint64_t offset, std::size_t size, int fd) noexcept {
  char piece[piece_size_max];
  const ssize_t taken =
      ::pread(file, piece, std::min(size, sizeof(piece)), static_cast<off_t>(offset));
  if (taken <= 0) return taken;
  const auto length = static_cast<std::size_t>(taken);
  const ssize_t sent = ::send(fd, piece, length, send_flags);
  return sent >= 0 || errno != ENOTSOCK ? sent : ::write(fd, piece, length);
}

}  // namespace rondo::backends
