// Counts what operator new is asked for, so that a test can insist on nothing, or have it fail.
#pragma once

#include <cstdint>

namespace rondo::test {

/// The calls of operator new by this thread so far.
std::uint64_t allocations() noexcept;

/// How many more this thread has allocated than freed.
std::int64_t live_allocations() noexcept;

/// From now on each operator new asks `fails`, null for none, whether it is to throw. False:
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
