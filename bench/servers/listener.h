// SPDX-License-Identifier: MIT
// bench: what the echo servers that rondo is compared with have in common. They do the least that
// echoes a message, one read and one write for each readiness, so they show what their loop costs.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <string>

namespace bench {

constexpr int backlog = 4096;

/// What the command line says.
struct Options {
  std::string listen = "127.0.0.1:8888";  ///< `--listen HOST:PORT`
  /// `--buffer BYTES`, for a server with a read buffer in each connection.
  std::size_t buffer_size = 1024;
};

/// Reads the command line, raises the soft limit of descriptors, and ignores SIGPIPE. Ends the
/// process with a message if there is something else on the command line.
Options prepare(int argc, char** argv);

/// Prints `listening on HOST:PORT`.
void announce(int fd);

/// Call it after the loop has been made, so that the descriptors that are open then are those
/// without clients. Opens `options.listen` and announces it. Clients inherit TCP_NODELAY from the
/// listener. Returns the non-blocking listener; if that fails, ends the process with a message.
int open_listener(const Options& options);

/// The same, after `prepare`.
int open_listener(int argc, char** argv);

/// The same for UDP. Returns the non-blocking socket.
int open_datagram_socket(int argc, char** argv);

/// The next waiting client, non-blocking, or -1 when there is none.
int accept_client(int listener) noexcept;

constexpr std::size_t echo_buffer_size = std::size_t{64} * 1024;

/// Sends back what has arrived. False: the client is to be closed, also if it does not take its
/// reply whole, because these servers have no backlog.
inline bool echo_once(int fd, char* buffer) noexcept {
  const ssize_t received = read(fd, buffer, echo_buffer_size);
  if (received <= 0) return false;
  return write(fd, buffer, static_cast<std::size_t>(received)) == received;
}

}  // namespace bench
