// SPDX-License-Identifier: MIT
// Replaces the global operator new and delete of the test program by ones that count. The size of
// each block stands before it, since malloc does not tell it everywhere.
#include "support/allocation_counter.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
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

constexpr std::size_t room_for_size = alignof(std::max_align_t);
static_assert(room_for_size >= sizeof(std::size_t));

/// `room` bytes come before the block, and hold its size at their end.
void* begin_block(void* memory, std::size_t room, std::size_t size) {
  if (memory == nullptr) throw std::bad_alloc{};
  ++live;
  bytes += static_cast<std::int64_t>(size);
  void* const block = static_cast<std::byte*>(memory) + room;
  std::memcpy(static_cast<std::byte*>(block) - sizeof(size), &size, sizeof(size));
  return block;
}

void* allocate(std::size_t size) {
  take_one();
  return begin_block(std::malloc(room_for_size + size), room_for_size, size);
}

std::size_t room_of(std::align_val_t alignment) {
  return std::max(room_for_size, static_cast<std::size_t>(alignment));
}

void* allocate_aligned(std::size_t size, std::align_val_t alignment) {
  take_one();
  const std::size_t step = room_of(alignment);
  return begin_block(std::aligned_alloc(step, step + (size + step - 1) / step * step), step, size);
}

void release(void* block, std::size_t room) noexcept {
  if (block == nullptr) return;
  std::size_t size = 0;
  std::memcpy(&size, static_cast<std::byte*>(block) - sizeof(size), sizeof(size));
  --live;
  bytes -= static_cast<std::int64_t>(size);
  std::free(static_cast<std::byte*>(block) - room);
}

void release(void* block) noexcept { release(block, room_for_size); }

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
void operator delete(void* memory, std::align_val_t alignment) noexcept {
  release(memory, room_of(alignment));
}
void operator delete[](void* memory, std::align_val_t alignment) noexcept {
  release(memory, room_of(alignment));
}
void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
  release(memory, room_of(alignment));
}
void operator delete[](void* memory, std::size_t, std::align_val_t alignment) noexcept {
  release(memory, room_of(alignment));
}
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { release(memory); }
