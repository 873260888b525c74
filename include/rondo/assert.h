// SPDX-License-Identifier: MIT
// rondo: assertions against programmer errors. They are off with NDEBUG, and never the only
// protection of memory.
#pragma once

#include <rondo/export.h>

namespace rondo::detail {
/// Prints `file:line: what` to standard error and aborts.
[[noreturn, gnu::cold]] RONDO_EXPORT void assertion_failed(const char* what, const char* file,
                                                           int line) noexcept;

/// Prints `rondo: ` and the two texts to standard error and aborts. The texts are for a reader who
/// does not know the library's code: what is wrong, and what to do.
[[noreturn, gnu::cold]] RONDO_EXPORT void misused(const char* subject,
                                                  const char* problem = "") noexcept;

constexpr const char* wrong_thread =
    " was called on a thread that is not the reactor's. Use Reactor::post() to run it there.";
constexpr const char* moved_from =
    " was called on an object that is empty, because it was moved from or has ended. Use the "
    "object that it was moved to.";
}  // namespace rondo::detail

/// For what must hold inside the library.
#ifdef NDEBUG
#define RONDO_ASSERT(condition) static_cast<void>(sizeof(!(condition)))
#else
#define RONDO_ASSERT(condition)       \
  ((condition) ? static_cast<void>(0) \
               : ::rondo::detail::assertion_failed(#condition, __FILE__, __LINE__))
#endif

/// For what a user of the library must heed: RONDO_REQUIRE(limit > 0, "LineReader", " needs ...").
#ifdef NDEBUG
#define RONDO_REQUIRE(condition, ...) static_cast<void>(sizeof(!(condition)))
#else
#define RONDO_REQUIRE(condition, ...) \
  ((condition) ? static_cast<void>(0) : ::rondo::detail::misused(__VA_ARGS__))
#endif
