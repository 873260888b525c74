// SPDX-License-Identifier: MIT
// Text from outside is shown in quotes, so that it cannot be mistaken for a part of the message.
#include "quoted.h"

#include <cstddef>

namespace rondo::detail {
namespace {

constexpr std::size_t quoted_text_max = 128;  // an error message does not repeat a whole file

}  // namespace

std::string quoted(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text.substr(0, quoted_text_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (byte >= 0x20 && byte != 0x7f) {
      result += c;
    } else {
      result += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return result + (text.size() > quoted_text_max ? "...\"" : "\"");
}

}  // namespace rondo::detail
