// SPDX-License-Identifier: MIT
// Decoder: converts bytes in chunks to text.
//
// Each encoding is one case of step(): it appends the text of the valid bytes and returns how many
// these were, and how long the invalid part after them is. If there is no invalid part, the rest is
// an incomplete character. The loop around it, consume(), handles an invalid part as `errors` says
// and continues.
//
//   chunk      [ valid | invalid | valid | incomplete ]
//   pending_                             [ incomplete ] + the first bytes of the next chunk
//
// An incomplete character waits in pending_. The first bytes of the next chunk are appended to it,
// and these few are consumed separately; the rest of the chunk is then consumed where it is. Valid
// text of utf-8 and ascii is not copied: the chunk is returned.
#include <rondo/codec.h>

#include <algorithm>
#include <utility>

#include "converter.h"
#include "spare.h"
#include "utf.h"

namespace rondo {
namespace {

using detail::Scan;

std::string_view unfinished_reason(EncodingKind kind, std::size_t size) noexcept {
  switch (kind) {
    case EncodingKind::utf16:
    case EncodingKind::utf16_le:
    case EncodingKind::utf16_be:
      return size == 1 ? "truncated data" : "unexpected end of data";
    case EncodingKind::other:
      return "incomplete multibyte sequence";
    default:
      return "unexpected end of data";
  }
}

bool is_utf16(EncodingKind kind) noexcept {
  return kind == EncodingKind::utf16 || kind == EncodingKind::utf16_le ||
         kind == EncodingKind::utf16_be;
}

bool is_high(char byte) noexcept { return static_cast<unsigned char>(byte) >= 0x80U; }

void append_escaped(std::string& out, std::string_view bad) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : bad) {
    const auto byte = static_cast<unsigned char>(c);
    out.append("\\x");
    out.push_back(digits[byte >> 4U]);
    out.push_back(digits[byte & 0xFU]);
  }
}

}  // namespace

std::string TextError::message() const {
  return "byte " + std::to_string(position) + ": " + std::string{reason};
}

Decoder::Decoder(TextErrors errors) noexcept : kind_(EncodingKind::utf8), errors_(errors) {}
Decoder::Decoder(EncodingKind kind, TextErrors errors, std::unique_ptr<detail::Converter> converter)
    : converter_(std::move(converter)), kind_(kind), errors_(errors) {
  reset();
}
Decoder::Decoder(Decoder&& other) noexcept = default;
Decoder& Decoder::operator=(Decoder&& other) noexcept = default;
Decoder::~Decoder() = default;

Result<Decoder> Decoder::make(std::string_view encoding, TextErrors errors) {
  auto found = Encoding::find(encoding);
  if (!found) return std::move(found).error();
  return make(*found, errors);
}

Result<Decoder> Decoder::make(const Encoding& encoding, TextErrors errors) {
  auto converter = detail::Converter::make_for(encoding, detail::Converter::Direction::decode);
  if (!converter) return std::move(converter).error();
  return Decoder{encoding.kind(), errors, std::move(*converter)};
}

void Decoder::reset() noexcept {
  if (converter_) converter_->reset();
  error_.reset();
  position_ = 0;
  pending_size_ = 0;
  at_start_ = true;
  is_big_ = kind_ == EncodingKind::utf16_be;
}

void Decoder::release_memory() noexcept { detail::release_spare(text_); }

Decoded Decoder::decode(Bytes chunk) {
  return run({reinterpret_cast<const char*>(chunk.data()), chunk.size()}, false);
}
Decoded Decoder::decode(std::string_view chunk) { return run(chunk, false); }
Decoded Decoder::finish() { return run({}, true); }

/// How much of the chunk can be returned as the text, if nothing is pending: all but an incomplete
/// character, or nothing if any part is invalid.
std::size_t Decoder::lendable(std::string_view chunk) const noexcept {
  const bool is_utf8 =
      kind_ == EncodingKind::utf8 || (kind_ == EncodingKind::utf8_sig && !at_start_);
  if (is_utf8) {
    const Scan scan = detail::scan_utf8(chunk);
    return scan.bad == 0 ? scan.good : 0;
  }
  if (kind_ != EncodingKind::ascii) return 0;
  if (errors_ == TextErrors::lossless) return chunk.size();
  return detail::ascii_prefix(chunk) == chunk.size() ? chunk.size() : 0;
}

void Decoder::keep_pending(std::string_view rest) noexcept {
  const std::size_t size = std::min(rest.size(), pending_.size());
  std::copy_n(rest.begin(), size, pending_.begin());  // forwards: `rest` may lie in pending_
  pending_size_ = static_cast<std::uint8_t>(size);
}

Decoded Decoder::run(std::string_view chunk, bool last) {
  if (error_) return {{}, error_};
  if (chunk.empty() && !last) return {};
  if (pending_size_ == 0) {
    const std::size_t size = lendable(chunk);
    if (size > 0) {
      keep_pending(chunk.substr(size));
      position_ += size;
      return {chunk.substr(0, size)};
    }
  }
  text_.clear();
  std::size_t at = join_pending(chunk, last);
  if (!error_ && pending_size_ == 0) {
    at += consume(chunk.substr(at), last);
    if (!error_) keep_pending(chunk.substr(at));
  }
  if (last && !error_ && converter_) converter_->finish(text_);
  return {text_, error_};
}

/// Consumes the pending bytes with as much of the chunk as fits after them, and returns how much of
/// the chunk that was. A step leaves at most 8 incomplete bytes, so the pending bytes are resolved
/// unless the chunk is too short.
std::size_t Decoder::join_pending(std::string_view chunk, bool last) {
  if (pending_size_ == 0) return 0;
  const std::size_t size = std::min(chunk.size(), pending_.size() - pending_size_);
  const bool is_all = size == chunk.size();
  std::copy_n(chunk.begin(), size, pending_.begin() + pending_size_);
  const std::string_view joined{pending_.data(), pending_size_ + size};
  const std::size_t used = consume(joined, last && is_all);
  if (error_) return 0;
  if (used < pending_size_) {
    keep_pending(joined.substr(used));
    return size;
  }
  return used - std::exchange(pending_size_, std::uint8_t{0});
}

/// Returns how many bytes were handled; after them stands an incomplete character, or nothing.
std::size_t Decoder::consume(std::string_view bytes, bool last) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const Scan scan = step(bytes.substr(at), last);
    at += scan.good;
    position_ += scan.good;
    const std::string_view rest = bytes.substr(at);
    std::size_t bad = scan.bad;
    if (bad == 0 && (rest.empty() || !last)) break;
    if (bad == 0) {
      bad = handle(rest, unfinished_reason(kind_, rest.size()));
    } else {
      bad = handle(rest.substr(0, bad), scan.reason);
    }
    if (error_) break;
    at += bad;
    position_ += bad;
  }
  return at;
}

/// The size of the BOM at the start of the stream, or nullopt if more bytes are needed to decide.
std::optional<std::size_t> Decoder::read_mark(std::string_view bytes, bool last) noexcept {
  if (kind_ == EncodingKind::utf8_sig) {
    const bool may_become = detail::utf8_mark.starts_with(bytes) && !last;
    if (bytes.size() < detail::utf8_mark.size() && may_become) return std::nullopt;
    at_start_ = false;
    return bytes.starts_with(detail::utf8_mark) ? detail::utf8_mark.size() : 0;
  }
  if (bytes.size() < 2 && !last) return std::nullopt;
  at_start_ = false;
  is_big_ = bytes.starts_with("\xfe\xff");
  return is_big_ || bytes.starts_with("\xff\xfe") ? 2 : 0;
}

Scan Decoder::step(std::string_view bytes, bool last) {
  std::size_t mark = 0;
  const bool has_mark = kind_ == EncodingKind::utf8_sig || kind_ == EncodingKind::utf16;
  if (at_start_ && has_mark) {
    const auto found = read_mark(bytes, last);
    if (!found) return {};
    mark = *found;
    bytes.remove_prefix(mark);
  }
  Scan scan;
  switch (kind_) {
    case EncodingKind::utf8:
    case EncodingKind::utf8_sig:
      scan = detail::scan_utf8(bytes);
      text_.append(bytes.substr(0, scan.good));
      break;
    case EncodingKind::ascii:
      scan.good = detail::ascii_prefix(bytes);
      text_.append(bytes.substr(0, scan.good));
      if (scan.good < bytes.size()) {
        scan.bad = 1;
        scan.reason = "ordinal not in range(128)";
      }
      break;
    case EncodingKind::latin1:
      while (scan.good < bytes.size()) {
        const std::size_t size = detail::ascii_prefix(bytes.substr(scan.good));
        text_.append(bytes.substr(scan.good, size));
        scan.good += size;
        for (; scan.good < bytes.size() && is_high(bytes[scan.good]); ++scan.good) {
          detail::append_utf8(text_, static_cast<unsigned char>(bytes[scan.good]));
        }
      }
      break;
    case EncodingKind::utf16:
    case EncodingKind::utf16_le:
    case EncodingKind::utf16_be:
      scan = detail::decode_utf16(text_, bytes, is_big_);
      break;
    case EncodingKind::other:
      scan = converter_->decode(text_, bytes);
      break;
  }
  scan.good += mark;
  return scan;
}

/// Returns how many bytes of the invalid part were handled.
std::size_t Decoder::handle(std::string_view bad, std::string_view reason) {
  switch (errors_) {
    case TextErrors::strict:
      error_ = TextError{position_, bad.size(), reason};
      break;
    case TextErrors::replace:
      text_.append(detail::replacement);
      break;
    case TextErrors::ignore:
      break;
    case TextErrors::backslashreplace:
      append_escaped(text_, bad);
      break;
    case TextErrors::lossless:
      return keep_bad(bad);
  }
  return bad.size();
}

/// Puts invalid bytes into the text in such a form that the encoder can restore them.
std::size_t Decoder::keep_bad(std::string_view bad) {
  if (kind_ == EncodingKind::other) {
    // As in Python, ASCII bytes within an invalid part are decoded again.
    std::size_t size = 0;
    while (size < bad.size() && (size == 0 || is_high(bad[size]))) {
      detail::append_kept_byte(text_, bad[size++]);
    }
    return size;
  }
  if (!is_utf16(kind_)) {
    text_.append(bad);
    return bad.size();
  }
  std::size_t at = 0;
  for (; bad.size() - at >= 2; at += 2) {
    const unsigned first = static_cast<unsigned char>(bad[at]);
    const unsigned second = static_cast<unsigned char>(bad[at + 1]);
    const unsigned unit = is_big_ ? first << 8U | second : second << 8U | first;
    detail::append_utf8(text_, unit);
  }
  if (at == bad.size()) return at;
  // Half a unit, at the end of the input. U+DC80 to U+DCFF already stand for unpaired surrogates.
  if (is_high(bad[at])) {
    text_.push_back(bad[at]);
  } else {
    detail::append_kept_byte(text_, bad[at]);
  }
  return bad.size();
}

}  // namespace rondo
