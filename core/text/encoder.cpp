// SPDX-License-Identifier: MIT
// Encoder: converts text in pieces to bytes. The loop is the Decoder's in the other direction: text
// is scanned for valid UTF-8, put() encodes the characters that the encoding has, and `errors` says
// what happens to the rest. Two things may be wrong: text that is not UTF-8, and characters that
// the encoding lacks.
//
// With `lossless` the scan also accepts what the decoder makes of invalid bytes, to restore them.
// Text of utf-8 and ascii contains invalid bytes unchanged, so it equals its bytes.
#include <rondo/codec.h>

#include <algorithm>
#include <utility>

#include "converter.h"
#include "spare.h"
#include "utf.h"

namespace rondo {
namespace {

using detail::Character;
using detail::Scan;

constexpr char32_t byte_order_mark = 0xFEFF;
constexpr std::size_t piece_max = 128;

std::string_view missing_reason(EncodingKind kind) noexcept {
  if (kind == EncodingKind::ascii) return "ordinal not in range(128)";
  if (kind == EncodingKind::latin1) return "ordinal not in range(256)";
  return "the encoding does not have this character";
}

}  // namespace

Encoder::Encoder(TextErrors errors) noexcept : kind_(EncodingKind::utf8), errors_(errors) {}
Encoder::Encoder(EncodingKind kind, TextErrors errors, std::unique_ptr<detail::Converter> converter)
    : converter_(std::move(converter)), kind_(kind), errors_(errors) {}
Encoder::Encoder(Encoder&& other) noexcept = default;
Encoder& Encoder::operator=(Encoder&& other) noexcept = default;
Encoder::~Encoder() = default;

Result<Encoder> Encoder::make(std::string_view encoding, TextErrors errors) {
  auto found = Encoding::find(encoding);
  if (!found) return std::move(found).error();
  return make(*found, errors);
}

Result<Encoder> Encoder::make(const Encoding& encoding, TextErrors errors) {
  auto converter = detail::Converter::make_for(encoding, detail::Converter::Direction::encode);
  if (!converter) return std::move(converter).error();
  return Encoder{encoding.kind(), errors, std::move(*converter)};
}

void Encoder::reset() noexcept {
  if (converter_) converter_->reset();
  error_.reset();
  position_ = 0;
  pending_size_ = 0;
  at_start_ = true;
}

void Encoder::release_memory() noexcept { detail::release_spare(bytes_); }

Encoded Encoder::encode(std::string_view text) { return run(text, false); }
Encoded Encoder::finish() { return run({}, true); }

/// How much of the text can be returned as the bytes, if nothing is pending.
std::size_t Encoder::lendable(std::string_view text) const noexcept {
  const bool is_utf8 =
      kind_ == EncodingKind::utf8 || (kind_ == EncodingKind::utf8_sig && !at_start_);
  if (!is_utf8 && kind_ != EncodingKind::ascii) return 0;
  if (errors_ == TextErrors::lossless) return text.size();
  if (kind_ == EncodingKind::ascii) {
    return detail::ascii_prefix(text) == text.size() ? text.size() : 0;
  }
  const Scan scan = detail::scan_utf8(text);
  return scan.bad == 0 ? scan.good : 0;
}

void Encoder::keep_pending(std::string_view rest) noexcept {
  const std::size_t size = std::min(rest.size(), pending_.size());
  std::copy_n(rest.begin(), size, pending_.begin());  // forwards: `rest` may lie in pending_
  pending_size_ = static_cast<std::uint8_t>(size);
}

Encoded Encoder::run(std::string_view text, bool last) {
  if (error_) return {{}, error_};
  bytes_.clear();
  if (at_start_ && !last) put_mark();
  if (pending_size_ == 0 && bytes_.empty()) {
    const std::size_t size = lendable(text);
    if (size > 0) {
      keep_pending(text.substr(size));
      position_ += size;
      return {std::as_bytes(std::span{text.substr(0, size)})};
    }
  }
  std::size_t at = join_pending(text, last);
  if (!error_ && pending_size_ == 0) {
    at += consume(text.substr(at), last);
    if (!error_) keep_pending(text.substr(at));
  }
  if (last && !error_ && converter_) converter_->finish(bytes_);
  return {std::as_bytes(std::span{bytes_}), error_};
}

std::size_t Encoder::join_pending(std::string_view text, bool last) {
  if (pending_size_ == 0) return 0;
  const std::size_t size = std::min(text.size(), pending_.size() - pending_size_);
  const bool is_all = size == text.size();
  std::copy_n(text.begin(), size, pending_.begin() + pending_size_);
  const std::string_view joined{pending_.data(), pending_size_ + size};
  const std::size_t used = consume(joined, last && is_all);
  if (error_) return 0;
  if (used < pending_size_) {
    keep_pending(joined.substr(used));
    return size;
  }
  return used - std::exchange(pending_size_, std::uint8_t{0});
}

std::size_t Encoder::consume(std::string_view text, bool last) {
  const auto rules =
      errors_ == TextErrors::lossless ? detail::Utf8Rules::generalized : detail::Utf8Rules::strict;
  std::size_t at = 0;
  while (at < text.size()) {
    const Scan scan = detail::scan_utf8(text.substr(at), rules);
    encode_good(text.substr(at, scan.good));
    if (error_) break;
    at += scan.good;
    const std::string_view rest = text.substr(at);
    if (scan.bad == 0 && (rest.empty() || !last)) break;
    if (scan.bad == 0) {
      handle_bad(rest, "unexpected end of data");
    } else {
      handle_bad(rest.substr(0, scan.bad), scan.reason);
    }
    if (error_) break;
    const std::size_t bad = scan.bad == 0 ? rest.size() : scan.bad;
    at += bad;
    position_ += bad;
  }
  return at;
}

/// In pieces of limited size, since put() may examine a whole piece and then stop at its first
/// character.
void Encoder::encode_good(std::string_view text) {
  while (!text.empty()) {
    std::size_t piece_size = std::min(text.size(), piece_max);
    while (piece_size < text.size() && detail::is_continuation(text[piece_size])) --piece_size;
    const std::size_t size = put(text.substr(0, piece_size));
    position_ += size;
    text.remove_prefix(size);
    if (size == piece_size) continue;
    const std::string_view character = text.substr(0, detail::front_character(text).size);
    handle_missing(character);
    if (error_) return;
    position_ += character.size();
    text.remove_prefix(character.size());
  }
}

/// Encodes up to the first character that the encoding lacks. Returns the size of the text encoded.
std::size_t Encoder::put(std::string_view text) {
  std::size_t at = 0;
  switch (kind_) {
    case EncodingKind::utf8:
    case EncodingKind::utf8_sig:
      bytes_.append(text);
      return text.size();
    case EncodingKind::ascii:
      at = errors_ == TextErrors::lossless ? text.size() : detail::ascii_prefix(text);
      bytes_.append(text.substr(0, at));
      return at;
    case EncodingKind::latin1:
      while (at < text.size()) {
        const Character character = detail::front_character(text.substr(at));
        if (character.code > 0xFFU || detail::kept_byte(text.substr(at)) >= 0) break;
        bytes_.push_back(static_cast<char>(character.code));
        at += character.size;
      }
      return at;
    case EncodingKind::utf16:
    case EncodingKind::utf16_le:
    case EncodingKind::utf16_be:
      while (at < text.size()) {
        const Character character = detail::front_character(text.substr(at));
        if (character.size == 2 && character.code < 0x80U) break;
        put_character(character.code);
        at += character.size;
      }
      return at;
    case EncodingKind::other:
      break;
  }
  // The converter must not see the forms that only `lossless` uses.
  if (errors_ == TextErrors::lossless) text = text.substr(0, detail::scan_utf8(text).good);
  return converter_->encode(bytes_, text);
}

void Encoder::put_character(char32_t code) {
  detail::append_utf16(bytes_, code, kind_ == EncodingKind::utf16_be);
}

/// Writes an escape sequence in ASCII, which almost all encodings have.
void Encoder::put_escape(char letter, char32_t code, unsigned digits) {
  std::string text{'\\', letter};
  while (digits > 0) text.push_back("0123456789abcdef"[code >> (4U * --digits) & 0xFU]);
  (void)put(text);  // characters that the encoding lacks are left out
}

void Encoder::handle_missing(std::string_view character) {
  const char32_t code = detail::front_character(character).code;
  switch (errors_) {
    case TextErrors::strict:
      error_ = TextError{position_, character.size(), missing_reason(kind_)};
      break;
    case TextErrors::replace:
      (void)put("?");  // left out if the encoding has no question mark
      break;
    case TextErrors::ignore:
      break;
    case TextErrors::backslashreplace:
      if (code < 0x100U) {
        put_escape('x', code, 2);
      } else if (code < 0x10000U) {
        put_escape('u', code, 4);
      } else {
        put_escape('U', code, 8);
      }
      break;
    case TextErrors::lossless: {
      const int byte = detail::kept_byte(character);
      if (byte >= 0) {
        bytes_.push_back(static_cast<char>(byte));
      } else {
        error_ = TextError{position_, character.size(), missing_reason(kind_)};
      }
      break;
    }
  }
}

void Encoder::handle_bad(std::string_view bad, std::string_view reason) {
  switch (errors_) {
    case TextErrors::strict:
      error_ = TextError{position_, bad.size(), reason};
      break;
    case TextErrors::replace:
      if (put(detail::replacement) == 0) (void)put("?");  // or neither, as in handle_missing
      break;
    case TextErrors::ignore:
      break;
    case TextErrors::backslashreplace:
      for (const char byte : bad) put_escape('x', static_cast<unsigned char>(byte), 2);
      break;
    case TextErrors::lossless:
      bytes_.append(bad);
      break;
  }
}

void Encoder::put_mark() {
  at_start_ = false;
  if (kind_ == EncodingKind::utf8_sig) bytes_.append(detail::utf8_mark);
  if (kind_ == EncodingKind::utf16) put_character(byte_order_mark);
}

}  // namespace rondo
