// Frames of coroutines come from free lists, which remember what ran before.
#pragma once

#include <array>
#include <cstddef>
#include <new>

#include <rondo/task_promise.h>

namespace rondo::test {

/// Frees the frames that this thread keeps: each size of frame takes memory again when it is used
/// next, so that this can fail, and so that it does not depend on what ran before.
inline void free_spare_frames() {
  constexpr std::size_t size_max = 1024;  // larger ones are not kept
  constexpr std::size_t step = 16;
  std::array<void*, 32> kept{};  // as many as a list may have
  for (std::size_t size = step / 2; size <= size_max; size += step) {
    for (void*& frame : kept) frame = detail::allocate_frame(size);
    for (void* const frame : kept) ::operator delete(frame);  // not back to the list
  }
}

}  // namespace rondo::test
