// SPDX-License-Identifier: MIT
// What is a host name, and when two names are equal.
#pragma once

#include <algorithm>
#include <string_view>

namespace rondo::sim {

/// False for what looks like an address, with or without a port.
[[nodiscard]] inline bool is_host_name(std::string_view text) noexcept {
  text.remove_suffix(text.ends_with('.') ? 1 : 0);
  const std::string_view last = text.substr(text.rfind('.') + 1);
  return last.find_first_not_of("0123456789") != std::string_view::npos && !text.starts_with('.') &&
         text.find("..") == std::string_view::npos &&
         text.find_first_of(":/ ") == std::string_view::npos;
}

/// Orders names without regard to the case of letters and to a dot at the end.
struct NameLess {
  using is_transparent = void;
  bool operator()(std::string_view one, std::string_view other) const noexcept {
    one.remove_suffix(one.ends_with('.') ? 1 : 0);
    other.remove_suffix(other.ends_with('.') ? 1 : 0);
    return std::lexicographical_compare(one.begin(), one.end(), other.begin(), other.end(),
                                        [](char a, char b) { return lower(a) < lower(b); });
  }

 private:
  static char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
};

}  // namespace rondo::sim
