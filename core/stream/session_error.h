// SPDX-License-Identifier: MIT
// What a server does with the exception of a session if its program has not said.
#pragma once

#include <exception>

#include <rondo/endpoint.h>

namespace rondo::detail {

/// Writes one line to standard error, unless that would block. `peer` is null if it is not known
/// any more.
void print_session_error(const std::exception_ptr& exception, const Endpoint* peer) noexcept;

}  // namespace rondo::detail
