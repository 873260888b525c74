// How many forks lie between the process that loaded the library and this one.
#pragma once

#include <atomic>
#include <cstdint>

namespace rondo::detail {

/// Begins to count. Any thread; again is harmless.
void count_forks();

extern std::atomic<std::uint32_t> forks [[gnu::visibility("hidden")]];

/// Differs from an earlier answer if this is a child forked in between.
[[nodiscard]] inline std::uint32_t fork_count() noexcept {
  return forks.load(std::memory_order_relaxed);
}

}  // namespace rondo::detail
