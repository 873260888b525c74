// The text of errors.
//
// The library itself prints nothing. print_error() prints because a main() calls it for that. It
// writes its line in one call (standard error has no buffer), so that the lines of several threads
// or processes do not mix.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

#include <rondo/result.h>

namespace rondo {

std::string Error::message() const {
  return context.empty() ? code.message() : context + ": " + code.message();
}

int print_error(const Error& error) noexcept {
  try {
    const std::string line = error.message() + '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
  } catch (const std::bad_alloc&) {
    // There is no memory for the full message, but the context still helps.
    std::fprintf(stderr, "%s: error %d\n", error.context.c_str(), error.code.value());
  }
  return EXIT_FAILURE;
}

int print_error(std::error_code error) noexcept { return print_error(Error{error, {}}); }

std::error_code last_system_error() noexcept { return system_error(errno); }

}  // namespace rondo
