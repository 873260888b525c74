// SPDX-License-Identifier: MIT
// cache: integers as Redis reads and writes them.
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace cache {

/// Digits without leading zeros, and a minus before them if it is negative: there is one way only
/// to write a number, so that a value which looks like one can be kept as text.
inline std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
  if (text == "0") return 0;
  const std::size_t sign = text.starts_with('-') ? 1 : 0;
  if (text.size() == sign || text[sign] < '1' || text[sign] > '9') return std::nullopt;
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || at != end) return std::nullopt;
  return number;
}

/// False if the sum does not fit; `sum` is unchanged then.
inline bool add(std::int64_t& sum, std::int64_t more) noexcept {
  using Limits = std::numeric_limits<std::int64_t>;
  const bool fits = more >= 0 ? sum <= Limits::max() - more : sum >= Limits::min() - more;
  if (fits) sum += more;
  return fits;
}

/// The digits of a number, where this object is.
class Digits {
 public:
  static constexpr std::size_t size_max = 20;

  explicit Digits(std::int64_t number) noexcept
      : size_(static_cast<std::size_t>(std::to_chars(text_, text_ + sizeof(text_), number).ptr -
                                       text_)) {}
  [[nodiscard]] std::string_view text() const noexcept { return {text_, size_}; }

 private:
  char text_[size_max];
  std::size_t size_;
};

}  // namespace cache
