// SPDX-License-Identifier: MIT
// The end of a failed assertion.
//
// An assertion is about a mistake in the program, so no caller could handle an error. This is the
// one place where the library prints on its own and ends the process. A build with NDEBUG reaches
// it only if a Result is asked for the half that it does not have. It allocates nothing, because
// the heap may be corrupt.
#include <cstdio>
#include <cstdlib>

#include <rondo/assert.h>

namespace rondo::detail {

void assertion_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what);
  std::abort();
}

void misused(const char* subject, const char* problem) noexcept {
  std::fprintf(stderr, "rondo: %s%s\n", subject, problem);
  std::abort();
}

}  // namespace rondo::detail
