// The end of a failed assertion.
//
// An assertion is about the program, not about what it met: there is nobody to hand an error to.
// This is the one place where the library prints unasked and ends a process, and it is not reached
// in a build with NDEBUG. It allocates nothing, as the heap may be what is broken.
#include <cstdio>
#include <cstdlib>

#include <rondo/assert.h>

namespace rondo::detail {

void assertion_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what);
  std::abort();
}

}  // namespace rondo::detail
