// SPDX-License-Identifier: MIT
// Where operator new cannot be replaced: nothing is ever counted.
#include "support/allocation_counter.h"

namespace rondo::test {
std::uint64_t allocations() noexcept { return 0; }
std::int64_t live_allocations() noexcept { return 0; }
std::int64_t live_bytes() noexcept { return 0; }
bool fail_allocations_when(AllocationFails) noexcept { return false; }
SparedAllocations::SparedAllocations() noexcept : before_(false) {}
SparedAllocations::~SparedAllocations() { (void)before_; }  // there is nothing to restore
}  // namespace rondo::test
