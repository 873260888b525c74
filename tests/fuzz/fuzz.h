// SPDX-License-Identifier: MIT
// The parts of a fuzz target: input bytes that choose the operations, and checks that end the run.
//
// A target is a function that applies the chosen operations to the real object and to a simple
// model, and requires that they agree. libFuzzer runs these functions (main.cpp), and each build of
// the tests runs them on the kept inputs (corpus_test.cpp).
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

/// Reads the input from the front. After its end all values are 0: a target that runs as long as
/// there is input calls empty().
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
  /// Takes two bytes if one is not enough. `bound` is 1 to 65,536.
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
  /// The next `size` bytes, or the rest if there are fewer.
  std::string_view text(std::size_t size) noexcept {
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() noexcept { return text(bytes_.size()); }

 private:
  std::string_view bytes_;
};

/// The sizes of the chunks of a text: a few sizes from the input, repeated.
class Cuts {
 public:
  explicit Cuts(Input& input) noexcept : count_(1 + input.below(sizes_.size())) {
    for (std::size_t i = 0; i < count_; ++i) sizes_[i] = 1 + input.byte() % size_max;
  }

  /// Calls `feed` with each chunk in separate memory, which is freed when it returns.
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

/// The input of the target, which a failed check shows.
inline std::string_view given;

/// As a C string. Bytes that cannot be printed are shown as numbers.
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

/// If the check fails, ends the run with its location and its text.
inline void require(bool holds, std::string_view what,
                    std::source_location where = std::source_location::current()) {
  if (holds) [[likely]]
    return;
  std::cerr << "not so: " << what << " (" << where.file_name() << ':' << where.line() << ")\n"
            << "input " << shown(given) << '\n';
  std::abort();
}

/// The same for two texts, which it shows.
inline void require_same(std::string_view real, std::string_view model, std::string_view what,
                         std::source_location where = std::source_location::current()) {
  if (real == model) [[likely]]
    return;
  std::cerr << "real  " << shown(real) << "\nmodel " << shown(model) << '\n';
  require(false, what, where);
}

}  // namespace rondo::fuzz
