// SPDX-License-Identifier: MIT
// The form of host names, and the names that need no name server.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include <rondo/endpoint.h>

namespace rondo::detail {

constexpr std::size_t host_name_max = 253;  // without a dot at the end (RFC 1035, 2.3.4)
constexpr std::size_t host_label_max = 63;

/// Why `host` is not a name (numeric addresses apart), or null if it is one.
[[nodiscard]] const char* defect_of_name(std::string_view host) noexcept;

/// Whether `host` can only be a numeric address: it has a colon, or its last label is a number.
[[nodiscard]] bool looks_numeric(std::string_view host) noexcept;
/// The address with port 0; empty if `host` is not one.
[[nodiscard]] std::optional<Endpoint> numeric_address(std::string_view host);

/// `localhost` and the names below it (RFC 6761, 6.3).
[[nodiscard]] bool is_localhost(std::string_view host) noexcept;

/// Equal, apart from the case of ASCII letters and a dot at the end.
[[nodiscard]] bool same_name(std::string_view one, std::string_view other) noexcept;

}  // namespace rondo::detail
