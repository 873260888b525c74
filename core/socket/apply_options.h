// SPDX-License-Identifier: MIT
// Applies SocketOptions to a socket.
#pragma once

#include <cstdint>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/options.h>
#include <rondo/socket.h>

namespace rondo::detail {

/// What the socket is for and how far it has got, which decides which options concern it.
enum class Purpose : std::uint8_t {
  listen,   ///< before bind; also what its clients are to have, where the system passes that on
  adopt,    ///< the same for a listener bound elsewhere: too late for reuse and dual_stack
  accept,   ///< an accepted one, of a listener that had `listen`: only what was not passed on
  connect,  ///< before connect; or an accepted one whose listener had nothing applied
  datagram  ///< before bind
};

/// Sets the given options on `socket`, which is bound to `where` or will be; the family of `where`
/// decides the defaults. Continues after a failure and returns all that failed. Errors:
/// result_out_of_range for a value that the option or an int cannot hold, no_buffer_space for a
/// buffer that the system made smaller than requested (net.core.rmem_max), and
/// operation_not_supported for an option that only a listener has or that can no longer be set, and
/// the system's own.
[[nodiscard]] std::vector<UnappliedOption> apply(Socket& socket, const Endpoint& where,
                                                 const SocketOptions& options, Purpose purpose);

}  // namespace rondo::detail
