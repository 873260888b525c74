// The memory of coroutine frames. Frames of 1016 bytes or fewer come from free lists, one for each
// size, that the thread keeps: a task that is called again and again takes no memory from malloc.
// The sizes are those of which malloc wastes nothing: 24, 40, 56, ... bytes.
//
// Under AddressSanitizer each frame comes from malloc, so that it sees the use of a frame that is
// gone.
#include <rondo/task_promise.h>

#include <array>
#include <cstddef>
#include <new>
#include <utility>

namespace rondo::detail {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool keeps_frames = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool keeps_frames = false;
#else
constexpr bool keeps_frames = true;
#endif
#else
constexpr bool keeps_frames = true;
#endif

constexpr std::size_t step = 16;
constexpr std::size_t size_max = 1016;
constexpr std::size_t class_count = size_max / step + 1;
constexpr std::size_t kept_max = 32;  // for each size

constexpr std::size_t class_of(std::size_t size) noexcept { return (size + 7) / step; }
constexpr std::size_t size_of(std::size_t index) noexcept { return index * step + 8; }

struct Spare {
  Spare* next;
};

/// Trivial, so that using it costs no check whether it exists.
struct Spares {
  struct List {
    Spare* first;
    std::size_t count;
  };
  std::array<List, class_count> lists;
  bool is_over;  // the thread ends: nothing is kept any more
};
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): one for each thread
[[gnu::tls_model("initial-exec")]] constinit thread_local Spares spares{};

/// Frees what is kept when the thread ends.
struct AtThreadEnd {
  AtThreadEnd() noexcept = default;
  AtThreadEnd(const AtThreadEnd&) = delete;
  AtThreadEnd& operator=(const AtThreadEnd&) = delete;
  ~AtThreadEnd() {
    spares.is_over = true;
    for (auto& list : spares.lists)
      while (list.first != nullptr) ::operator delete(std::exchange(list.first, list.first->next));
  }
};

[[gnu::noinline]] void* allocate_new(std::size_t size) {
  static thread_local const AtThreadEnd at_thread_end;
  static_cast<void>(at_thread_end);
  return ::operator new(size);
}

}  // namespace

void* allocate_frame(std::size_t size) {
  if (!keeps_frames || size > size_max) return ::operator new(size);
  const std::size_t index = class_of(size);
  Spares::List& list = spares.lists[index];
  Spare* const spare = list.first;
  if (spare == nullptr) [[unlikely]]
    return allocate_new(size_of(index));
  list.first = spare->next;
  --list.count;
  return spare;
}

void free_frame(void* frame, std::size_t size) noexcept {
  if (!keeps_frames || size > size_max) return ::operator delete(frame);
  const std::size_t index = class_of(size);
  Spares::List& list = spares.lists[index];
  if (list.count == kept_max || spares.is_over) [[unlikely]]
    return ::operator delete(frame);
  list.first = ::new (frame) Spare{list.first};
  ++list.count;
}

}  // namespace rondo::detail
