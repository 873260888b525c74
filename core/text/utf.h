// SPDX-License-Identifier: MIT
// Unicode's encoding forms: finds valid text, and converts bytes to characters and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rondo::detail {

inline constexpr std::string_view utf8_mark = "\xef\xbb\xbf";
inline constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD
inline constexpr std::size_t utf8_size_max = 4;

/// `strict` is UTF-8. `generalized` also allows surrogates, and two bytes for 0 to 7F: `lossless`
/// puts these into text, and valid UTF-8 never contains them.
enum class Utf8Rules : std::uint8_t { strict, generalized };

/// How much of a text is valid. If `bad` is 0, an incomplete character follows, or nothing.
struct Scan {
  std::size_t good = 0;  // bytes of valid text
  std::size_t bad = 0;   // bytes of the maximal invalid part that follows
  std::string_view reason{};
};

[[nodiscard]] std::size_t ascii_prefix(std::string_view bytes) noexcept;
[[nodiscard]] Scan scan_utf8(std::string_view bytes, Utf8Rules rules = Utf8Rules::strict) noexcept;

/// The first character of text that scan_utf8 found valid, and its size.
struct Character {
  char32_t code = 0;
  std::size_t size = 0;
};
[[nodiscard]] Character front_character(std::string_view good) noexcept;
/// Any code point up to 10FFFF, including surrogates.
void append_utf8(std::string& out, char32_t code);

/// Appends the text of the valid UTF-16. If Scan::bad is 0, up to three bytes are incomplete.
[[nodiscard]] Scan decode_utf16(std::string& out, std::string_view bytes, bool is_big);
void append_utf16(std::string& out, char32_t code, bool is_big);

[[nodiscard]] constexpr bool is_surrogate(char32_t code) noexcept {
  return code >= 0xD800U && code <= 0xDFFFU;
}

/// Whether a byte of UTF-8 continues a character.
[[nodiscard]] constexpr bool is_continuation(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

// The form in which `lossless` puts a byte into text that cannot contain it unchanged.
void append_kept_byte(std::string& out, char byte);
/// The byte, or -1 if the character does not stand for one.
[[nodiscard]] int kept_byte(std::string_view character) noexcept;

}  // namespace rondo::detail
