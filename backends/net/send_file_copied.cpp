// SPDX-License-Identifier: MIT
// NetBSD and OpenBSD have no sendfile.
#include "calls.h"

namespace rondo::backends {

std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size, int fd) noexcept {
  return copy_file(file, offset, size, fd);
}

}  // namespace rondo::backends
