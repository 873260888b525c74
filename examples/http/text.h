// Texts, numbers and dates as HTTP writes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace http {

/// Whether two texts are the same, whatever the case of their ASCII letters.
[[nodiscard]] bool is_same(std::string_view one, std::string_view other) noexcept;

/// A text that is put together from pieces, in memory that it keeps.
class Text {
 public:
  void clear() noexcept { size_ = 0; }
  Text& add(std::string_view piece) {
    if (piece.size() > memory_.size() - size_) [[unlikely]]
      memory_.resize(2 * (size_ + piece.size()));
    std::memcpy(memory_.data() + size_, piece.data(), piece.size());
    size_ += piece.size();
    return *this;
  }
  Text& add(std::uint64_t number, int base = 10);
  [[nodiscard]] std::string_view view() const noexcept { return {memory_.data(), size_}; }

 private:
  std::vector<char> memory_ = std::vector<char>(1024);
  std::size_t size_ = 0;
};

/// `Sun, 06 Nov 1994 08:49:37 GMT`, of a number of seconds since 1970.
[[nodiscard]] std::string http_date(std::int64_t seconds);

/// The seconds since 1970. Any of the three forms that a server must read; nothing if it is none.
[[nodiscard]] std::optional<std::int64_t> parse_date(std::string_view text);

}  // namespace http
