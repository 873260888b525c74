// SPDX-License-Identifier: MIT
// Pieces of data in the form that the system's vectored calls take.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <span>

namespace rondo::backends {

constexpr std::size_t parts_max = 256;  // in one readv, writev, or batch of messages

/// Copies as many of `parts` as fit; returns their number.
template <typename Part>
std::size_t copy_parts(std::span<const Part> parts, std::span<iovec> into) noexcept {
  const std::size_t count = std::min(parts.size(), into.size());
  for (std::size_t i = 0; i < count; ++i) {
    // iovec serves both directions; the kernel only reads the data to send.
    into[i] = {const_cast<std::byte*>(parts[i].data()), parts[i].size()};
  }
  return count;
}

}  // namespace rondo::backends
