// SPDX-License-Identifier: MIT
#include <rondo/frames.h>

#include <memory>
#include <new>
#include <utility>

namespace rondo::detail {
namespace {

/// It is never written to: it gives nothing, and has no room.
constinit SpareFrames none{};

/// Belongs to a thread.
class Owner {
 public:
  Owner() noexcept : spares_(new(std::nothrow) SpareFrames{}) {
    if (spares_ == nullptr) return;
    for (auto& list : spares_->lists) list.room = SpareFrames::kept_max;
    spare_frames = spares_.get();
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() {
    spare_frames = &none;
    if (spares_ == nullptr) return;
    for (auto& list : spares_->lists)
      while (list.first != nullptr) ::operator delete(std::exchange(list.first, list.first->next));
  }

 private:
  std::unique_ptr<SpareFrames> spares_;
};

}  // namespace

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): one for each thread
constinit thread_local SpareFrames* spare_frames [[gnu::tls_model("initial-exec")]] = &none;

void* allocate_new_frame(std::size_t size) {
  if (!keeps_frames || size > SpareFrames::size_max) return ::operator new(size);
  static thread_local const Owner owner;
  static_cast<void>(owner);
  return ::operator new(SpareFrames::size_of(SpareFrames::index_of(size)));
}

void free_spare_frame(void* frame) noexcept { ::operator delete(frame); }

}  // namespace rondo::detail
