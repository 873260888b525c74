// SPDX-License-Identifier: MIT
// Names of hosts, as certificates have them.
#pragma once

#include <rondo/result.h>

#include <string>
#include <string_view>

namespace rondo::tls {

[[nodiscard]] constexpr char lower_case(char one) noexcept {
  return one >= 'A' && one <= 'Z' ? static_cast<char>(one - 'A' + 'a') : one;
}
[[nodiscard]] std::string lower_case(std::string_view text);

/// In lower case, without a dot at the end. An error if it is empty, longer than 253 bytes, or has
/// other characters than letters, digits, `-`, `_` and `.`.
[[nodiscard]] Result<std::string> host_name(std::string_view name);

/// Whether it is an IPv4 or IPv6 address in numbers.
[[nodiscard]] bool is_address(const std::string& host);

}  // namespace rondo::tls
