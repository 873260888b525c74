// SPDX-License-Identifier: MIT
// Counts the calls of operator new, so that a test can require that there are none, and makes them
// fail.
#pragma once

#include <cstdint>

namespace rondo::test {

/// The calls of operator new by this thread so far.
std::uint64_t allocations() noexcept;

/// How many more this thread has allocated than freed.
std::int64_t live_allocations() noexcept;

/// The bytes that this thread has allocated and not freed, without what malloc adds.
std::int64_t live_bytes() noexcept;

/// From now on operator new throws if `fails` returns true; null: it never fails. Returns false if
/// operator new cannot be replaced in this build.
using AllocationFails = bool (*)() noexcept;
bool fail_allocations_when(AllocationFails fails) noexcept;

/// While it lives, operator new succeeds `enough` times in this thread and then throws: always, or
/// `failures` times.
class FewAllocations {
 public:
  explicit FewAllocations(std::uint64_t enough) noexcept;
  FewAllocations(std::uint64_t enough, std::uint64_t failures) noexcept;
  FewAllocations(const FewAllocations&) = delete;
  FewAllocations& operator=(const FewAllocations&) = delete;
  ~FewAllocations();
};

/// While it lives, operator new neither fails nor counts in this thread.
class SparedAllocations {
 public:
  SparedAllocations() noexcept;
  SparedAllocations(const SparedAllocations&) = delete;
  SparedAllocations& operator=(const SparedAllocations&) = delete;
  ~SparedAllocations();

 private:
  bool before_;
};

}  // namespace rondo::test
