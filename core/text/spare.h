// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

namespace rondo::detail {

/// Frees the memory of a text whose characters are not needed, unless it is little: what is idle
/// keeps that.
inline void release_spare(std::string& text) noexcept {
  constexpr std::size_t kept_max = 1024;
  if (text.capacity() > kept_max) std::string{}.swap(text);
}

}  // namespace rondo::detail
