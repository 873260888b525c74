// SPDX-License-Identifier: MIT
// Texts, numbers and dates as HTTP writes them.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace http {

/// Whether the text is `lower`, which has no capitals, whatever the case of its ASCII letters.
[[nodiscard]] inline bool is_same(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_capital = c >= 'A' && c <= 'Z';
    if (c != lower[i] && (!is_capital || (c | 0x20) != lower[i])) return false;
  }
  return true;
}

/// A number, written.
class Digits {
 public:
  explicit Digits(std::uint64_t number, int base = 10) noexcept {
    const auto end = std::to_chars(text_.data(), text_.data() + text_.size(), number, base).ptr;
    size_ = static_cast<std::size_t>(end - text_.data());
  }
  operator std::string_view() const noexcept { return {text_.data(), size_}; }  // NOLINT

 private:
  std::array<char, 20> text_;
  std::size_t size_;
};

/// A text that is put together from pieces, in memory that it keeps.
class Text {
 public:
  void clear() noexcept { size_ = 0; }
  template <std::convertible_to<std::string_view>... Pieces>
  void assign(const Pieces&... pieces) {
    clear();
    add(pieces...);
  }
  template <std::convertible_to<std::string_view>... Pieces>
  void add(const Pieces&... pieces) {
    append(std::string_view{pieces}...);
  }
  [[nodiscard]] std::string_view view() const noexcept { return {memory_.data(), size_}; }

 private:
  template <typename... Views>
  void append(Views... pieces) {
    const std::size_t more = (pieces.size() + ...);
    if (more > memory_.size() - size_) [[unlikely]]
      grow(more);
    char* end = memory_.data() + size_;
    ((end = copy(pieces, end)), ...);
    size_ += more;
  }
  /// Returns the end of the copy. An empty piece may be a null pointer.
  static char* copy(std::string_view piece, char* to) noexcept {
    if (!piece.empty()) std::memcpy(to, piece.data(), piece.size());
    return to + piece.size();
  }
  void grow(std::size_t more);

  std::vector<char> memory_ = std::vector<char>(1024);
  std::size_t size_ = 0;
};

/// `Sun, 06 Nov 1994 08:49:37 GMT`, of a number of seconds since 1970.
[[nodiscard]] std::string http_date(std::int64_t seconds);

/// The seconds since 1970. Any of the three forms that a server must read; nothing if it is none.
[[nodiscard]] std::optional<std::int64_t> parse_date(std::string_view text);

}  // namespace http
