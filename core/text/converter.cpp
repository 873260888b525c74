// SPDX-License-Identifier: MIT
// Converter: iconv(3), and corrections where it differs from Python.
//
// - ASCII is copied without iconv if the encoding maps all 128 characters to themselves, and also
// the
//   sequences that begin a shift of ISO 2022, HZ and UTF-7. This is tried when the converter is
//   made. Some converters hold a character back until they know that nothing combines with it;
//   finish() fetches it before ASCII is copied.
// - ISO 2022 has ASCII in two sets, and after a yen sign iconv stays in the second until it lacks a
//   character. So the text between ASCII characters is converted separately: the bytes do not
//   depend on how the text is cut, and are those of Python.
// - In most encodings glibc silently drops the tag characters U+E0000 to U+E007F. So each is
//   converted separately, and counts as missing if it yields nothing.
// - iconv stops at an invalid byte and does not report the size of the invalid part. It counts as
// one
//   byte, as in Python's decoders. An incomplete part longer than any character is invalid, too.
// - In POSIX iconv takes `char**`; other systems declare `const char**`.
#include "converter.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <numeric>

namespace rondo::detail {
namespace {

constexpr std::size_t room_size = 2048;
constexpr std::size_t unfinished_max = 8;
constexpr std::string_view tag_lead = "\xf3\xa0";  // and 80 or 81: U+E0000 to U+E007F

/// Converts to the kind of pointer that this system's iconv takes.
struct InputPointer {
  const char** at;
  // NOLINTBEGIN(google-explicit-constructor): this is its purpose
  operator const char**() const noexcept { return at; }
  operator char**() const noexcept { return const_cast<char**>(at); }
  // NOLINTEND(google-explicit-constructor)
};

std::size_t find_tag(std::string_view text) noexcept {
  std::size_t at = text.find(tag_lead);
  while (at != std::string_view::npos && static_cast<unsigned char>(text[at + 2]) > 0x81U) {
    at = text.find(tag_lead, at + utf8_size_max);
  }
  return std::min(at, text.size());
}

}  // namespace

Result<std::unique_ptr<Converter>, std::error_code> Converter::make(const std::string& name,
                                                                    Direction direction) {
  const bool decodes = direction == Direction::decode;
  std::unique_ptr<Converter> converter{new Converter};  // first, as it may throw
  converter->handle_ =
      decodes ? ::iconv_open("UTF-8", name.c_str()) : ::iconv_open(name.c_str(), "UTF-8");
  if (converter->handle_ == none()) return last_system_error();
  converter->find_ascii();
  if (!decodes) converter->find_shifts();
  return converter;
}

Result<std::unique_ptr<Converter>> Converter::make_for(const Encoding& encoding,
                                                       Direction direction) {
  if (encoding.kind() != EncodingKind::other) return std::unique_ptr<Converter>{};
  auto made = make(encoding.name(), direction);
  if (made) return std::move(*made);
  const char* const what = direction == Direction::decode ? "decode " : "encode ";
  return Error{made.error(), what + encoding.name()};
}

Converter::~Converter() {
  if (handle_ != none()) ::iconv_close(handle_);
}

void Converter::find_ascii() {
  std::string probe(128, '\0');
  std::iota(probe.begin(), probe.end(), '\0');
  probe.append("\x1b$B!!\x1b(B\x1b$)C\x0e!!\x0f~{!!~}+AOk-");
  std::string out;
  std::string_view in = probe;
  has_ascii_ = convert(out, in) == 0;
  finish(out);
  has_ascii_ = has_ascii_ && out == probe;
}

void Converter::find_shifts() {
  std::string out;
  std::string_view yen = "\xc2\xa5";
  (void)convert(out, yen);  // no yen, no shift
  const std::size_t size = out.size();
  finish(out);
  shifts_ = has_ascii_ && out.size() != size;
}

/// Converts until the end and returns 0, or until iconv fails and returns its errno. `in` becomes
/// the part that is left.
int Converter::convert(std::string& out, std::string_view& in) {
  std::array<char, room_size> room;
  may_hold_ = true;
  for (;;) {
    const char* at = in.data();
    std::size_t left = in.size();
    char* to = room.data();
    std::size_t free = room.size();
    const std::size_t result = ::iconv(handle_, InputPointer{&at}, &left, &to, &free);
    const int reason = result == static_cast<std::size_t>(-1) ? errno : 0;
    out.append(room.data(), room.size() - free);
    in = in.substr(in.size() - left);
    if (reason != E2BIG) return reason;
  }
}

void Converter::finish(std::string& out) {
  if (!may_hold_) return;
  std::array<char, room_size> room;
  char* to = room.data();
  std::size_t free = room.size();
  ::iconv(handle_, nullptr, nullptr, &to, &free);
  out.append(room.data(), room.size() - free);
}

void Converter::reset() noexcept {
  ::iconv(handle_, nullptr, nullptr, nullptr, nullptr);
  may_hold_ = false;
}

void Converter::put_ascii(std::string& out, std::string_view& in) {
  const std::size_t size = has_ascii_ ? ascii_prefix(in) : 0;
  if (size == 0) return;
  finish(out);
  out.append(in.substr(0, size));
  in.remove_prefix(size);
}

Scan Converter::decode(std::string& out, std::string_view bytes) {
  std::string_view left = bytes;
  put_ascii(out, left);
  const int reason = left.empty() ? 0 : convert(out, left);
  const std::size_t good = bytes.size() - left.size();
  if (reason == 0 || (reason == EINVAL && left.size() <= unfinished_max)) return {good};
  return {good, 1, "illegal multibyte sequence"};
}

/// Whether all of it was converted.
bool Converter::encode_piece(std::string& out, std::string_view& text) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80U; };
  do {
    put_ascii(out, text);
    const auto end = shifts_ ? std::find_if(text.begin(), text.end(), is_ascii) : text.end();
    std::string_view between{text.begin(), end};
    const std::size_t size = between.size();
    const bool is_done = between.empty() || convert(out, between) == 0;
    text.remove_prefix(size - between.size());
    if (!is_done) return false;
  } while (!text.empty());
  return true;
}

std::size_t Converter::encode(std::string& out, std::string_view text) {
  std::string_view left = text;
  while (!left.empty()) {
    const std::size_t piece_size = find_tag(left);
    std::string_view piece = left.substr(0, piece_size);
    if (!encode_piece(out, piece)) return text.size() - (left.size() - piece_size) - piece.size();
    left.remove_prefix(piece_size);
    if (left.empty()) break;
    const std::size_t size = out.size();
    std::string_view tag = left.substr(0, utf8_size_max);
    if (convert(out, tag) != 0 || out.size() == size) break;
    left.remove_prefix(utf8_size_max);
  }
  return text.size() - left.size();
}

}  // namespace rondo::detail
