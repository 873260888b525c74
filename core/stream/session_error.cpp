// The library prints nothing else on its own. An exception of one session must not end the service
// of the other clients, and without a trace its cause would not be found: Python's socketserver and
// asyncio print it, too. A program that logs elsewhere sets an error handler.
#include "session_error.h"

#include <cstdio>
#include <new>
#include <string>

namespace rondo::detail {

void print_session_error(const std::exception_ptr& exception, const Endpoint* peer) noexcept try {
  std::string line =
      "session of " + (peer != nullptr ? peer->to_string() : "a client that has left");
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    line.append(": ").append(error.what());
  } catch (...) {
    line.append(": an exception that is not derived from std::exception");
  }
  line.push_back('\n');
  std::fwrite(line.data(), 1, line.size(), stderr);  // in one call: lines do not mix
} catch (const std::bad_alloc&) {
  std::fputs("session: there is no memory for the message of its exception\n", stderr);
}

}  // namespace rondo::detail
