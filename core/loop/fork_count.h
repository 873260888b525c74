// SPDX-License-Identifier: MIT
// The number of forks between the process that loaded the library and this one.
#pragma once

#include <atomic>
#include <cstdint>

namespace rondo::detail {

/// Starts to count. It may be called from any thread, and more than once.
void count_forks();

extern std::atomic<std::uint32_t> forks [[gnu::visibility("hidden")]];

/// Returns another number than before if this process is a child that was forked since.
[[nodiscard]] inline std::uint32_t fork_count() noexcept {
  return forks.load(std::memory_order_relaxed);
}

}  // namespace rondo::detail
