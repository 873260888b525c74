// bench: what the echo servers that rondo is compared with have in common. They do the least that
// echoes a message, one read and one write for each readiness, so they show what their loop costs.
#pragma once

#include <unistd.h>

#include <cstddef>

namespace bench {

/// Call it after the loop has been made, so that the descriptors that are open then are those
/// without clients. Opens what `--listen HOST:PORT` says (default 127.0.0.1:8888), raises the soft
/// limit of descriptors, ignores SIGPIPE and prints `listening on HOST:PORT`. Returns the
/// non-blocking listener; if that fails, ends the process with a message.
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
