// SPDX-License-Identifier: MIT
// What a client connects to, as text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <rondo/endpoint.h>
#include <rondo/result.h>

namespace rondo::detail {

/// An address, or a name and a port. `host` refers to the text.
struct Target {
  std::optional<Endpoint> endpoint;
  std::string_view host;
  std::uint16_t port = 0;
};

/// Errors: invalid_argument, and those of Endpoint::parse().
[[nodiscard]] Result<Target> parse_target(std::string_view text);

/// For a message: without quotes if no character of it could be mistaken for a part of the message.
[[nodiscard]] std::string shown(const std::string& target);

}  // namespace rondo::detail
