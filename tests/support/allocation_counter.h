// Counts what operator new is asked for, so that a test can insist on nothing.
#pragma once

#include <cstdint>

namespace rondo::test {

/// The calls of operator new by this thread so far.
std::uint64_t allocations() noexcept;

}  // namespace rondo::test
