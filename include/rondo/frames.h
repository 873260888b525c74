// SPDX-License-Identifier: MIT
// rondo: the memory of coroutine frames, and of the clients of servers. Frames of 1016 bytes or
// fewer come from free lists, one for each size, that the thread keeps: a task that is called again
// and again, or clients that come and go, take no memory from malloc. The sizes are those of which
// malloc wastes nothing: 24, 40, 56, ... bytes.
//
// Under AddressSanitizer each frame comes from malloc, so that it sees the use of a frame that is
// gone.
#pragma once

#include <array>
#include <cstddef>
#include <new>

#include <rondo/export.h>

namespace rondo::detail {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool keeps_frames = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool keeps_frames = false;
#else
inline constexpr bool keeps_frames = true;
#endif
#else
inline constexpr bool keeps_frames = true;
#endif

/// The frames that a thread has no use for at the moment.
struct SpareFrames {
  static constexpr std::size_t step = 16;
  static constexpr std::size_t size_max = 1016;
  static constexpr std::size_t kept_max = 64;  // for each size

  struct Frame {
    Frame* next;
  };
  struct List {
    Frame* first;
    std::size_t room;  // how many more it may keep
  };

  static constexpr std::size_t index_of(std::size_t size) noexcept { return (size + 7) / step; }
  /// The size of the frames in a list.
  static constexpr std::size_t size_of(std::size_t index) noexcept { return index * step + 8; }

  std::array<List, size_max / step + 1> lists;
};

/// Those of the calling thread. Before its first frame, and when it ends, it has and keeps none.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): one for each thread
extern RONDO_EXPORT constinit thread_local SpareFrames* spare_frames
    [[gnu::tls_model("initial-exec")]];

// Without the lists.
[[nodiscard]] RONDO_EXPORT void* allocate_new_frame(std::size_t size);
RONDO_EXPORT void free_spare_frame(void* frame) noexcept;

/// May throw std::bad_alloc.
[[nodiscard]] inline void* allocate_frame(std::size_t size) {
  if (!keeps_frames || size > SpareFrames::size_max) return allocate_new_frame(size);
  SpareFrames::List& list = spare_frames->lists[SpareFrames::index_of(size)];
  SpareFrames::Frame* const frame = list.first;
  if (frame == nullptr) [[unlikely]]
    return allocate_new_frame(size);
  list.first = frame->next;
  ++list.room;
  return frame;
}

inline void free_frame(void* frame, std::size_t size) noexcept {
  if (!keeps_frames || size > SpareFrames::size_max) return free_spare_frame(frame);
  SpareFrames::List& list = spare_frames->lists[SpareFrames::index_of(size)];
  if (list.room == 0) [[unlikely]]
    return free_spare_frame(frame);
  --list.room;
  list.first = ::new (frame) SpareFrames::Frame{list.first};
}

}  // namespace rondo::detail
