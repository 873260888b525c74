// SPDX-License-Identifier: MIT
// The text of a configuration file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rondo::detail {

/// Up to `size_max` bytes of a regular file; nothing if it cannot be read, or is not a regular
/// file: reading a device or a pipe could block the loop, or never end.
[[nodiscard]] std::string read_text_file(const std::string& path, std::size_t size_max);
/// Removes the next word from the front of `line`; empty if there is none. `blanks` divide them.
[[nodiscard]] std::string_view next_word(std::string_view& line, std::string_view blanks) noexcept;

}  // namespace rondo::detail
