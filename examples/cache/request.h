// SPDX-License-Identifier: MIT
// cache: the requests of the Redis protocol (RESP2), which are arrays of strings, or lines of words
// that a person types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cache {

enum class Progress : std::uint8_t {
  incomplete,  ///< there will be more bytes
  complete,    ///< args() is a request, or empty if there is nothing to do
  malformed,   ///< error() says why; the connection is to be closed
};

/// One request, parsed where its bytes lie: a request that arrived whole is not copied. It
/// remembers how far it came, so that one that arrives byte by byte is looked at once.
class Request {
 public:
  static constexpr std::int64_t bulk_size_max = std::int64_t{512} << 20U;
  static constexpr std::size_t line_size_max = std::size_t{64} << 10U;

  /// Goes on with `input`, which begins where the request does, and is the same as in the call
  /// before with more bytes at its end. If it is elsewhere now, call moved() first.
  Progress parse(std::string_view input);
  /// The bytes that began at `from` are at `to` now; both are valid.
  void moved(const char* from, const char* to) noexcept;

  /// Views of the input; of words with escapes, views of this object.
  [[nodiscard]] const std::vector<std::string_view>& args() const noexcept { return args_; }
  /// The bytes of the input that belong to the request, when it is complete.
  [[nodiscard]] std::size_t size() const noexcept { return at_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

  /// Begins with the next request. The memory is kept, unless it is much.
  void clear() noexcept {
    args_.clear();
    at_ = 0;
    args_left_ = 0;
    bulk_size_ = unknown;
    if (args_.capacity() > args_kept_max) args_ = {};
  }

 private:
  static constexpr std::int64_t unknown = -1;
  static constexpr std::size_t args_kept_max = 1024;

  Progress parse_args(std::string_view input);
  void take_plain_args(std::string_view input);
  Progress parse_arg(std::string_view input);
  Progress parse_array_size(std::string_view input);
  Progress parse_bulk_size(std::string_view input);
  Progress parse_line(std::string_view input);
  bool parse_words(std::string_view line);
  Progress fail(std::string_view why);

  std::vector<std::string_view> args_;
  std::size_t at_ = 0;          // what is before it was parsed
  std::int64_t args_left_ = 0;  // the array's; 0: its size was not read yet
  std::int64_t bulk_size_ = unknown;
  std::string words_;
  std::string error_;
};

}  // namespace cache
