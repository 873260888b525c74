// rondo: assertions against programmer errors. They are off with NDEBUG, and never the only
// protection of memory.
#pragma once

#include <rondo/export.h>

namespace rondo::detail {
/// Prints `file:line: what` to standard error and aborts.
[[noreturn]] RONDO_EXPORT void assertion_failed(const char* what, const char* file,
                                                int line) noexcept;
}  // namespace rondo::detail

#ifdef NDEBUG
#define RONDO_ASSERT(condition) static_cast<void>(sizeof(!(condition)))
#else
#define RONDO_ASSERT(condition)       \
  ((condition) ? static_cast<void>(0) \
               : ::rondo::detail::assertion_failed(#condition, __FILE__, __LINE__))
#endif
