// What a host name may look like, and what needs no name server.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include <rondo/endpoint.h>

namespace rondo::detail {

constexpr std::size_t host_name_max = 253;  // without the dot at the end (RFC 1035, 2.3.4)
constexpr std::size_t host_label_max = 63;

/// What is wrong with `host` as a name (not as a numeric address), or null.
[[nodiscard]] const char* wrong_with_name(std::string_view host) noexcept;

/// Whether `host` can only be a numeric address: it has a colon, or its last label is a number.
[[nodiscard]] bool looks_numeric(std::string_view host) noexcept;
/// The address with port 0, if it is one.
[[nodiscard]] std::optional<Endpoint> numeric_address(std::string_view host);

/// `localhost` and the names below it (RFC 6761, 6.3).
[[nodiscard]] bool is_localhost(std::string_view host) noexcept;

/// Equal but for the case of ASCII letters and a dot at the end.
[[nodiscard]] bool same_name(std::string_view one, std::string_view other) noexcept;

}  // namespace rondo::detail
