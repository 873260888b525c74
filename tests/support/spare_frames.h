// SPDX-License-Identifier: MIT
// Frames of coroutines come from free lists, which remember what ran before.
#pragma once

#include <new>
#include <utility>

#include <rondo/frames.h>

namespace rondo::test {

/// Frees the frames that this thread keeps: each size of frame takes memory again when it is used
/// next, so that this can fail, and so that it does not depend on what ran before.
inline void free_spare_frames() {
  detail::free_frame(detail::allocate_frame(1), 1);  // the thread's lists stay
  for (auto& list : detail::spare_frames->lists) {
    for (; list.first != nullptr; ++list.room)
      ::operator delete(std::exchange(list.first, list.first->next));
  }
}

}  // namespace rondo::test
