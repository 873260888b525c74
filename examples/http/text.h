// Texts, numbers and dates as HTTP writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace http {

/// Whether two texts are the same, whatever the case of their ASCII letters.
[[nodiscard]] bool is_same(std::string_view one, std::string_view other) noexcept;

void append_number(std::string& text, std::uint64_t number, int base = 10);

/// `Sun, 06 Nov 1994 08:49:37 GMT`, of a number of seconds since 1970.
[[nodiscard]] std::string http_date(std::int64_t seconds);

/// The seconds since 1970. Any of the three forms that a server must read; nothing if it is none.
[[nodiscard]] std::optional<std::int64_t> parse_date(std::string_view text);

}  // namespace http
