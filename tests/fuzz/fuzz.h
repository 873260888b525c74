// What a fuzz target is made of: bytes that decide what is done, and checks that end the run.
//
// A target is a function that does to the real thing and to a plain model of it what the bytes
// say, and requires that they agree. The same functions are run by libFuzzer (main.cpp) and, on the
// inputs that are kept, by every build of the tests (corpus_test.cpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <source_location>
#include <span>
#include <string>
#include <string_view>

#include <rondo/net.h>

namespace rondo::fuzz {

/// The bytes, from the front on. Behind their end all answers are 0: a target that goes on as long
/// as there are bytes asks empty().
class Input {
 public:
  explicit Input(std::string_view bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  std::uint8_t byte() noexcept {
    if (bytes_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return first;
  }
  /// From two bytes if one is not enough. `bound` is from 1 to 65,536.
  std::size_t below(std::size_t bound) noexcept {
    std::size_t drawn = byte();
    if (bound > 256) drawn = drawn << 8U | byte();
    return drawn % bound;
  }
  bool flag() noexcept { return (byte() & 1U) != 0; }
  template <typename T, std::size_t count>
  const T& one_of(const T (&choices)[count]) noexcept {
    return choices[below(count)];
  }
  /// So many of the bytes that come, or as many as there are.
  std::string_view text(std::size_t size) noexcept {
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() noexcept { return text(bytes_.size()); }

 private:
  std::string_view bytes_;
};

/// Where a text is cut in chunks: a few sizes from the input, again and again.
class Cuts {
 public:
  explicit Cuts(Input& input) noexcept : count_(1 + input.below(sizes_.size())) {
    for (std::size_t i = 0; i < count_; ++i) sizes_[i] = 1 + input.byte() % size_max;
  }

  /// Calls `feed` with each chunk in memory of its own, which is gone when it returns.
  template <typename Feed>
  void each(std::string_view text, Feed feed) {
    for (std::size_t i = 0; !text.empty(); ++i) {
      const std::string chunk{text.substr(0, sizes_[i % count_])};
      text.remove_prefix(chunk.size());
      feed(std::string_view{chunk});
    }
  }

 private:
  static constexpr std::size_t size_max = 40;

  std::array<std::size_t, 8> sizes_{};
  std::size_t count_;
};

inline Bytes bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span{text}); }
inline std::string_view text_of(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What the target was given, to be shown with what is not so.
inline std::string_view given;

/// As a C string, with the numbers of the bytes that cannot be printed.
inline std::string shown(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte < 0x7f && c != '"' && c != '\\') {
      out += c;
    } else {
      out.append("\\x") += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out + '"';
}

/// Ends the run, with the place and what should have held, if it does not.
inline void require(bool holds, std::string_view what,
                    std::source_location where = std::source_location::current()) {
  if (holds) [[likely]]
    return;
  std::cerr << "not so: " << what << " (" << where.file_name() << ':' << where.line() << ")\n"
            << "input " << shown(given) << '\n';
  std::abort();
}

/// The same of two texts, which it shows.
inline void require_same(std::string_view real, std::string_view model, std::string_view what,
                         std::source_location where = std::source_location::current()) {
  if (real == model) [[likely]]
    return;
  std::cerr << "real  " << shown(real) << "\nmodel " << shown(model) << '\n';
  require(false, what, where);
}

}  // namespace rondo::fuzz
