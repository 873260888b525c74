// SPDX-License-Identifier: MIT
// Encoding: names in the spellings that people use. Names are compared without case and separators.
// A name that is not one of rondo's own is tried with iconv, in the spellings of glibc, libiconv
// and musl. It is checked first: to iconv an empty name or `char` means the locale's encoding, and
// `//` begins an option.
#include <rondo/codec.h>

#include <algorithm>
#include <array>
#include <utility>

#include "converter.h"

namespace rondo {
namespace {

constexpr std::size_t name_size_max = 64;

struct Alias {
  std::string_view plain;
  EncodingKind kind;
};

constexpr Alias aliases[] = {
    {"utf8", EncodingKind::utf8},        {"u8", EncodingKind::utf8},
    {"utf", EncodingKind::utf8},         {"cp65001", EncodingKind::utf8},
    {"utf8sig", EncodingKind::utf8_sig}, {"ascii", EncodingKind::ascii},
    {"usascii", EncodingKind::ascii},    {"646", EncodingKind::ascii},
    {"iso646us", EncodingKind::ascii},   {"ansix3.41968", EncodingKind::ascii},
    {"latin1", EncodingKind::latin1},    {"latin", EncodingKind::latin1},
    {"l1", EncodingKind::latin1},        {"iso88591", EncodingKind::latin1},
    {"88591", EncodingKind::latin1},     {"8859", EncodingKind::latin1},
    {"cp819", EncodingKind::latin1},     {"ibm819", EncodingKind::latin1},
    {"utf16", EncodingKind::utf16},      {"u16", EncodingKind::utf16},
    {"utf16le", EncodingKind::utf16_le}, {"unicodelittleunmarked", EncodingKind::utf16_le},
    {"utf16be", EncodingKind::utf16_be}, {"unicodebigunmarked", EncodingKind::utf16_be},
};

/// Python's names that iconv does not know, or knows for another encoding: shift_jis is cp932 on
/// the web, while iconv's shift_jis has a yen sign in place of the backslash.
constexpr std::pair<std::string_view, std::string_view> system_names[] = {
    {"shiftjis", "CP932"},   {"sjis", "CP932"},    {"mskanji", "CP932"},
    {"windows31j", "CP932"}, {"ms932", "CP932"},   {"big5hkscs", "BIG5-HKSCS"},
    {"tis620", "TIS-620"},   {"hz", "HZ-GB-2312"},
};

/// Families of names with a separator that is often left out: `eucjp`, `koi8r`, `iso885915`.
constexpr std::pair<std::string_view, std::string_view> families[] = {
    {"windows", "CP"}, {"iso8859", "ISO-8859-"}, {"iso2022", "ISO-2022-"}, {"euc", "EUC-"},
    {"koi8", "KOI8-"}, {"utf", "UTF-"},          {"ibm", "IBM"},
};

/// Names with another meaning on each machine; and utf-7, whose shift state iconv loses at an
/// invalid part, and which can hide text from the filters of other programs.
bool is_refused(std::string_view plain_name) noexcept {
  return plain_name == "char" || plain_name == "wchart" || plain_name == "internal" ||
         plain_name.find("utf7") != std::string_view::npos;
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

bool is_separator(char c) noexcept { return c == '-' || c == '_' || c == ' '; }

bool is_allowed(char c) noexcept {
  const char small = lower(c);
  const bool is_plain = (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9');
  return is_plain || is_separator(c) || c == '.' || c == ':' || c == '+';
}

std::string plain(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (!is_separator(c)) out.push_back(lower(c));
  }
  return out;
}

std::string uppercase(std::string_view name) {
  std::string out{name};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return is_separator(c) ? '-' : upper(c); });
  return out;
}

std::string canonical(EncodingKind kind) {
  switch (kind) {
    case EncodingKind::utf8_sig:
      return "utf-8-sig";
    case EncodingKind::ascii:
      return "ascii";
    case EncodingKind::latin1:
      return "latin-1";
    case EncodingKind::utf16:
      return "utf-16";
    case EncodingKind::utf16_le:
      return "utf-16-le";
    case EncodingKind::utf16_be:
      return "utf-16-be";
    case EncodingKind::utf8:
    case EncodingKind::other:
      break;
  }
  return "utf-8";
}

bool is_known(const std::string& name) {
  return !name.empty() && detail::Converter::make(name, detail::Converter::Direction::decode) &&
         detail::Converter::make(name, detail::Converter::Direction::encode);
}

/// The spelling that iconv knows, or an empty string.
std::string find_system_name(std::string_view name, std::string_view plain_name) {
  for (const auto& [python, system] : system_names) {
    if (plain_name == python && is_known(std::string{system})) return std::string{system};
  }
  std::string spelled = uppercase(name);
  if (is_known(spelled)) return spelled;
  for (const auto& [prefix, family] : families) {
    if (!plain_name.starts_with(prefix)) continue;
    spelled = std::string{family} + uppercase(plain_name.substr(prefix.size()));
    if (is_known(spelled)) return spelled;
  }
  spelled = uppercase(plain_name);
  return is_known(spelled) ? spelled : std::string{};
}

}  // namespace

Result<Encoding> Encoding::find(std::string_view name) {
  const std::string_view shown = name.substr(0, name_size_max);
  Error unknown{std::make_error_code(std::errc::invalid_argument),
                "find encoding \"" + std::string{shown} + "\""};
  if (name.size() > name_size_max || !std::all_of(name.begin(), name.end(), is_allowed)) {
    return unknown;
  }
  const std::string plain_name = plain(name);
  for (const Alias& alias : aliases) {
    if (plain_name == alias.plain) return Encoding{alias.kind, canonical(alias.kind)};
  }
  if (is_refused(plain_name)) return unknown;
  std::string system_name = find_system_name(name, plain_name);
  if (system_name.empty()) return unknown;
  return Encoding{EncodingKind::other, std::move(system_name)};
}

}  // namespace rondo
