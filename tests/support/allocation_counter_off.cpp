// Where operator new cannot be replaced: nothing is ever counted.
#include "support/allocation_counter.h"

namespace rondo::test {
std::uint64_t allocations() noexcept { return 0; }
}  // namespace rondo::test
