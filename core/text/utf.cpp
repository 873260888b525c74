// SPDX-License-Identifier: MIT
// UTF-8 and UTF-16, read as in the Unicode Standard (3.9, D92 and "U+FFFD Substitution of Maximal
// Subparts") and in CPython's unicodeobject.c: an invalid part of UTF-8 is the longest beginning of
// a character that could have become one, or else one byte. An invalid part of UTF-16 is one unit,
// or the incomplete part at the end.
#include "utf.h"

#include <cstring>

namespace rondo::detail {
namespace {

constexpr char32_t surrogates = 0xD800;
constexpr char32_t low_surrogates = 0xDC00;
constexpr char32_t supplementary = 0x10000;
constexpr char32_t kept_bytes = 0xDC00;  // plus the byte, 80 to FF

constexpr unsigned byte_of(char c) noexcept { return static_cast<unsigned char>(c); }

struct Lead {
  std::size_t size;  // bytes of the character; 0: no character begins with this byte
  unsigned second_min;
  unsigned second_max;
};

Lead lead_of(unsigned byte, Utf8Rules rules) noexcept {
  const bool is_strict = rules == Utf8Rules::strict;
  if (byte < 0x80U) return {1, 0, 0};
  if (byte < (is_strict ? 0xC2U : 0xC0U)) return {0, 0, 0};
  if (byte < 0xE0U) return {2, 0x80, 0xBF};
  if (byte == 0xE0U) return {3, 0xA0, 0xBF};
  if (byte == 0xEDU && is_strict) return {3, 0x80, 0x9F};
  if (byte < 0xF0U) return {3, 0x80, 0xBF};
  if (byte == 0xF0U) return {4, 0x90, 0xBF};
  if (byte < 0xF4U) return {4, 0x80, 0xBF};
  if (byte == 0xF4U) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

void append_unit(std::string& out, unsigned unit, bool is_big) {
  const char high = static_cast<char>(unit >> 8U);
  const char low = static_cast<char>(unit & 0xFFU);
  out.push_back(is_big ? high : low);
  out.push_back(is_big ? low : high);
}

}  // namespace

std::size_t ascii_prefix(std::string_view bytes) noexcept {
  constexpr std::uint64_t tops = 0x8080808080808080U;
  std::size_t at = 0;
  for (; bytes.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    if ((word & tops) != 0) break;
  }
  while (at < bytes.size() && byte_of(bytes[at]) < 0x80U) ++at;
  return at;
}

Scan scan_utf8(std::string_view bytes, Utf8Rules rules) noexcept {
  std::size_t at = 0;
  for (;;) {
    if (at < bytes.size() && byte_of(bytes[at]) < 0x80U) at += ascii_prefix(bytes.substr(at));
    if (at == bytes.size()) return {at};
    const Lead lead = lead_of(byte_of(bytes[at]), rules);
    if (lead.size == 0) return {at, 1, "invalid start byte"};
    const std::string_view rest = bytes.substr(at);
    std::size_t have = 1;
    while (have < lead.size && have < rest.size()) {
      const unsigned byte = byte_of(rest[have]);
      const bool fits = have == 1 ? byte >= lead.second_min && byte <= lead.second_max
                                  : is_continuation(rest[have]);
      if (!fits) return {at, have, "invalid continuation byte"};
      ++have;
    }
    if (have < lead.size) return {at};
    at += lead.size;
  }
}

Character front_character(std::string_view good) noexcept {
  const unsigned lead = byte_of(good.front());
  if (lead < 0x80U) return {lead, 1};
  const std::size_t size = lead < 0xE0U ? 2 : lead < 0xF0U ? 3 : 4;
  char32_t code = lead & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) code = code << 6U | (byte_of(good[i]) & 0x3FU);
  return {code, size};
}

void append_utf8(std::string& out, char32_t code) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto put_rest = [&put, code](unsigned shift) { put(0x80U | (code >> shift & 0x3FU)); };
  if (code < 0x80U) {
    put(code);
  } else if (code < 0x800U) {
    put(0xC0U | code >> 6U);
    put_rest(0);
  } else if (code < supplementary) {
    put(0xE0U | code >> 12U);
    put_rest(6);
    put_rest(0);
  } else {
    put(0xF0U | code >> 18U);
    put_rest(12);
    put_rest(6);
    put_rest(0);
  }
}

Scan decode_utf16(std::string& out, std::string_view bytes, bool is_big) {
  const auto unit_at = [bytes, is_big](std::size_t at) -> char32_t {
    const unsigned first = byte_of(bytes[at]);
    const unsigned second = byte_of(bytes[at + 1]);
    return is_big ? first << 8U | second : second << 8U | first;
  };
  std::size_t at = 0;
  for (; bytes.size() - at >= 2; at += 2) {
    const char32_t unit = unit_at(at);
    if (!is_surrogate(unit)) {
      append_utf8(out, unit);
      continue;
    }
    if (unit >= low_surrogates) return {at, 2, "illegal encoding"};
    if (bytes.size() - at < 4) return {at};
    const char32_t next = unit_at(at + 2);
    if (!is_surrogate(next) || next < low_surrogates) return {at, 2, "illegal UTF-16 surrogate"};
    append_utf8(out, supplementary + ((unit - surrogates) << 10U) + (next - low_surrogates));
    at += 2;
  }
  return {at};
}

void append_utf16(std::string& out, char32_t code, bool is_big) {
  if (code < supplementary) {
    append_unit(out, static_cast<unsigned>(code), is_big);
    return;
  }
  const char32_t rest = code - supplementary;
  append_unit(out, static_cast<unsigned>(surrogates + (rest >> 10U)), is_big);
  append_unit(out, static_cast<unsigned>(low_surrogates + (rest & 0x3FFU)), is_big);
}

void append_kept_byte(std::string& out, char byte) {
  if (byte_of(byte) >= 0x80U) {
    append_utf8(out, kept_bytes + byte_of(byte));
  } else {
    out.push_back(static_cast<char>(0xC0U | byte_of(byte) >> 6U));
    out.push_back(static_cast<char>(0x80U | (byte_of(byte) & 0x3FU)));
  }
}

int kept_byte(std::string_view character) noexcept {
  const auto [code, size] = front_character(character);
  if (size == 2 && code < 0x80U) return static_cast<int>(code);
  if (code >= kept_bytes + 0x80U && code <= kept_bytes + 0xFFU) {
    return static_cast<int>(code - kept_bytes);
  }
  return -1;
}

}  // namespace rondo::detail
