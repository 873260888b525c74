// Replaces the global operator new and delete of the test program by ones that count.
#include "support/allocation_counter.h"

#include <malloc.h>

#include <cstdlib>
#include <new>
#include <utility>

namespace {

constexpr std::uint64_t unlimited = ~std::uint64_t{0};
thread_local std::uint64_t count = 0;
thread_local std::uint64_t left = unlimited;
thread_local std::uint64_t failures_left = unlimited;  // once none is left
thread_local bool spared = false;
thread_local std::int64_t live = 0;
thread_local std::int64_t bytes = 0;
rondo::test::AllocationFails fails = nullptr;

std::int64_t size_of(void* memory) noexcept {
  return static_cast<std::int64_t>(::malloc_usable_size(memory));
}

void take_one() {
  if (spared) return;
  ++count;
  if (fails != nullptr && fails()) throw std::bad_alloc{};
  if (left == unlimited) return;
  if (left > 0) {
    --left;
    return;
  }
  if (failures_left != unlimited && --failures_left == 0) left = unlimited;
  throw std::bad_alloc{};
}

void* allocate(std::size_t size) {
  take_one();
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc{};
  ++live;
  bytes += size_of(memory);
  return memory;
}

void* allocate_aligned(std::size_t size, std::align_val_t alignment) {
  take_one();
  const auto step = static_cast<std::size_t>(alignment);
  void* const memory = std::aligned_alloc(step, (size + step - 1) / step * step);
  if (memory == nullptr) throw std::bad_alloc{};
  ++live;
  bytes += size_of(memory);
  return memory;
}

void release(void* memory) noexcept {
  if (memory != nullptr) {
    --live;
    bytes -= size_of(memory);
  }
  std::free(memory);
}

}  // namespace

namespace rondo::test {
std::uint64_t allocations() noexcept { return count; }
std::int64_t live_allocations() noexcept { return live; }
std::int64_t live_bytes() noexcept { return bytes; }
bool fail_allocations_when(AllocationFails asked) noexcept {
  fails = asked;
  return true;
}

FewAllocations::FewAllocations(std::uint64_t enough) noexcept : FewAllocations(enough, unlimited) {}
FewAllocations::FewAllocations(std::uint64_t enough, std::uint64_t failures) noexcept {
  left = enough;
  failures_left = failures;
}
FewAllocations::~FewAllocations() { left = unlimited; }

SparedAllocations::SparedAllocations() noexcept : before_(std::exchange(spared, true)) {}
SparedAllocations::~SparedAllocations() { spared = before_; }
}  // namespace rondo::test

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_aligned(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate_aligned(size, alignment);
}
// A sanitizer's own would not ask those above.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept try {
  return allocate(size);
} catch (const std::bad_alloc&) {
  return nullptr;
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept try {
  return allocate(size);
} catch (const std::bad_alloc&) {
  return nullptr;
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { release(memory); }
