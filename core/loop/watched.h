// SPDX-License-Identifier: MIT
// Which descriptors are watched, for one check: that no Socket is closed before its Watch. Builds
// without assertions keep no record.
#pragma once

#include <rondo/net.h>

namespace rondo::detail {

#ifdef NDEBUG
inline void note_watched(const Net&, int) noexcept {}
inline void note_unwatched(int) noexcept {}
[[nodiscard]] inline bool is_watched(const Net&, int) noexcept { return false; }
#else
void note_watched(const Net& net, int fd) noexcept;
void note_unwatched(int fd) noexcept;
/// Whether a reactor of this process watches this descriptor of `net`. It may not know of some.
[[nodiscard]] bool is_watched(const Net& net, int fd) noexcept;
#endif

}  // namespace rondo::detail
