// How many forks lie between the process that loaded the library and this one.
#pragma once

#include <cstdint>

namespace rondo::detail {

/// Begins to count. Any thread; again is harmless.
void count_forks();

/// Differs from an earlier answer if this is a child forked in between.
[[nodiscard]] std::uint32_t fork_count() noexcept;

}  // namespace rondo::detail
