// SPDX-License-Identifier: MIT
// The library prints nothing else on its own. An exception of one session must not end the service
// of the other clients, and without a trace its cause would not be found: Python's socketserver and
// asyncio print it, too. A program that logs elsewhere sets an error handler.
//
// A client that can make its session throw must not be able to do more: to write lines of its own,
// or control characters for a terminal, or to stop the loop where standard error is a pipe that is
// not read. poll(2) reports a pipe as writable if PIPE_BUF bytes fit.
#include "session_error.h"

#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdio>
#include <new>
#include <string>
#include <string_view>

#include "quoted.h"

namespace rondo::detail {
namespace {

constexpr std::size_t plain_size_max = 1024;

/// In one call: lines do not mix.
void print_if_possible(std::string_view line) noexcept {
  const int fd = ::fileno(stderr);
  pollfd state{.fd = fd, .events = POLLOUT, .revents = 0};
  // A pipe without a reader reports POLLERR, too, and a write to it would raise SIGPIPE.
  if (::poll(&state, 1, 0) != 1 || state.revents != POLLOUT) return;
  const std::size_t size = std::min<std::size_t>(line.size(), PIPE_BUF);
  [[maybe_unused]] const ssize_t written = ::write(fd, line.data(), size);
}

/// As it is if that is one short line, else in quotes and on one line.
std::string on_one_line(std::string_view text) {
  const bool is_plain = std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
  return is_plain && text.size() <= plain_size_max ? std::string{text} : quoted(text);
}

}  // namespace

void print_session_error(const std::exception_ptr& exception, const Endpoint* peer) noexcept try {
  std::string line =
      "session of " + (peer != nullptr ? on_one_line(peer->to_string()) : "a client that has left");
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    line.append(": ").append(on_one_line(error.what()));
  } catch (...) {
    line.append(": an exception that is not derived from std::exception");
  }
  line.push_back('\n');
  print_if_possible(line);
} catch (const std::bad_alloc&) {
  print_if_possible("session: there is no memory for the message of its exception\n");
}

}  // namespace rondo::detail
