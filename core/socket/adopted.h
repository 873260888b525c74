// SPDX-License-Identifier: MIT
// Sockets that were made elsewhere: by systemd, by a parent process, by another library.
#pragma once

#include <cstdint>
#include <optional>

#include <rondo/endpoint.h>
#include <rondo/net.h>
#include <rondo/result.h>
#include <rondo/socket.h>

namespace rondo::detail {

/// What an adopted socket is to be used for.
enum class AdoptedAs : std::uint8_t {
  listener,         ///< its clients are streams or seqpacket sockets
  stream_listener,  ///< its clients are streams
  stream,
  datagrams  ///< a socket of datagrams, or a connected one of SocketType::seqpacket
};

/// In builds with assertions: requires of an argument of `call` that it was not made as Socket{}.
void require_made(const Socket& socket, const char* call) noexcept;

/// Checks that the socket is of the kind and in the state that its use needs, makes it
/// non-blocking, and switches off a linger time, since close() would block. Returns its local
/// address. The message of an error begins with `what` and the address or the descriptor: `accept
/// on 127.0.0.1:80: the socket does not listen: Invalid argument`.
[[nodiscard]] Result<Endpoint> prepare_adopted(Socket& socket, AdoptedAs use, const char* what);
/// The first of these checks alone: for a descriptor that must stay as it is.
[[nodiscard]] std::optional<Error> find_defect(Net& net, int fd, AdoptedAs use, const char* what);

}  // namespace rondo::detail
