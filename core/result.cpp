// Errors in words, and the end of a failed assertion.
//
// The library itself prints nothing and never exits. The two exceptions stand here: complain(),
// because a main() asked for it, and assertion_failed(), because the program is wrong. Each writes
// its line in one piece (standard error has no buffer), so that the lines of several threads or
// processes are not mixed.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

#include <rondo/assert.h>
#include <rondo/result.h>

namespace rondo {

std::string Error::message() const {
  return tried.empty() ? code.message() : tried + ": " + code.message();
}

int complain(const Error& error) noexcept {
  try {
    const std::string line = error.message() + '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
  } catch (const std::bad_alloc&) {
    // Out of memory is what there is to complain of; what was tried is still worth a line.
    std::fprintf(stderr, "%s: error %d\n", error.tried.c_str(), error.code.value());
  }
  return EXIT_FAILURE;
}

int complain(std::error_code error) noexcept { return complain(Error{error, {}}); }

std::error_code last_system_error() noexcept { return system_error(errno); }

namespace detail {

void assertion_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what);
  std::abort();
}

}  // namespace detail
}  // namespace rondo
