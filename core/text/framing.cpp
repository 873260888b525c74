// SPDX-License-Identifier: MIT
// Framers: split the bytes of an InputBuffer into frames, without copying those within one chunk.
//
// A frame above the limit is reported as `too_long`, and then returned in pieces, or dropped as it
// arrives after skip(). In both cases no more than `limit` bytes are ever kept. The last piece is
// `ready`, so a program that joins the pieces until `ready` has the frame.
//
// No size that a peer has sent is added to anything. A length is compared with the limit, and then
// only reduced by what has arrived, so no sum can overflow.
#include <algorithm>
#include <limits>

#include <rondo/assert.h>
#include <rondo/framing.h>

#include "length_prefix.h"

namespace rondo {

using detail::checked;
using detail::parse_length;

namespace {

constexpr std::size_t prefix_size_max = 8;
constexpr unsigned bits_per_byte = 8;

/// The index of the byte of weight 256^i.
std::size_t index_of(std::size_t i, LengthFormat format) noexcept {
  return format.order == std::endian::little ? i : format.size - 1 - i;
}

}  // namespace

LengthFormat detail::checked(LengthFormat format) noexcept {
  RONDO_REQUIRE(format.size >= 1 && format.size <= prefix_size_max, "a LengthFormat",
                " needs a prefix of 1 to 8 bytes.");
  format.size = std::clamp<std::uint8_t>(format.size, 1, prefix_size_max);
  return format;
}

std::uint64_t detail::parse_length(Bytes prefix, LengthFormat format) noexcept {
  std::uint64_t length = 0;
  for (std::size_t i = format.size; i > 0; --i) {
    length =
        length << bits_per_byte | std::to_integer<std::uint64_t>(prefix[index_of(i - 1, format)]);
  }
  return length;
}

// --- shared by all ------------------------------------------------------------------------------

void Framer::feed(Bytes chunk) {
  RONDO_REQUIRE(!ended_, "a framer was fed after finish(). Call reset() first.");
  input_.lend({reinterpret_cast<const char*>(chunk.data()), chunk.size()});
}

Bytes Framer::take(std::size_t size) {
  const std::string_view taken = input_.front(size);
  input_.drop(size);
  return std::as_bytes(std::span{taken});
}

Frame Framer::nothing(std::uint64_t expected) {
  if (!ended_) {
    input_.keep();
    return {ReadStatus::more};
  }
  is_long_ = false;
  skipping_ = false;
  return {ReadStatus::incomplete, take(input_.size()), expected};
}

// --- a delimiter --------------------------------------------------------------------------------

DelimiterFramer::DelimiterFramer(std::string delimiter, std::size_t limit)
    : delimiter_(std::move(delimiter)), limit_(std::max<std::size_t>(limit, 1)) {
  RONDO_REQUIRE(limit > 0, "DelimiterFramer", " needs a limit above 0.");
}

/// Drops the bytes that certainly belong to the frame to be skipped.
void DelimiterFramer::drop_long(bool found) {
  if (!found && !ended_) {
    input_.drop(scanned_ - matched_);
    scanned_ = matched_;
    return;
  }
  input_.drop(found ? scanned_ : input_.size());
  scanned_ = 0;
  matched_ = 0;
  if (found) {
    is_long_ = false;
    skipping_ = false;
  }
}

Frame DelimiterFramer::next() {
  bool found = input_.find(delimiter_, scanned_, matched_);
  if (skipping_) {
    drop_long(found);
    if (found) found = input_.find(delimiter_, scanned_, matched_);
  }
  const std::size_t size = scanned_ - matched_;
  if (size > limit_) {
    scanned_ -= limit_;
    is_long_ = true;
    return {ReadStatus::too_long, take(limit_)};
  }
  if (found) {
    const Bytes whole = take(scanned_);
    scanned_ = 0;
    matched_ = 0;
    is_long_ = false;
    return {ReadStatus::ready, whole.first(size)};
  }
  if (ended_) {
    if (input_.size() == 0 && !is_long_) return {ReadStatus::end};
    scanned_ = 0;
    matched_ = 0;
  }
  return nothing(0);
}

// --- a length prefix ----------------------------------------------------------------------------

LengthFramer::LengthFramer(LengthFormat format, std::size_t limit)
    : limit_(std::max<std::size_t>(limit, 1)), format_(checked(format)) {
  RONDO_REQUIRE(limit > 0, "LengthFramer", " needs a limit above 0.");
}

/// Whether nothing is left to be skipped.
bool LengthFramer::skipped() noexcept {
  if (!skipping_) return true;
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input_.size()));
  input_.drop(size);
  left_ -= size;
  if (left_ > 0) return false;
  skipping_ = false;
  is_long_ = false;
  in_frame_ = false;
  return true;
}

Frame LengthFramer::next_piece() {
  const std::size_t size_max = std::min(limit_, input_.size());
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, size_max));
  left_ -= size;
  if (left_ > 0) return {ReadStatus::too_long, take(size), left_ + size};
  is_long_ = false;
  in_frame_ = false;
  return {ReadStatus::ready, take(size)};
}

Frame LengthFramer::next() {
  if (in_frame_ && !skipped()) {
    if (ended_) in_frame_ = false;
    return nothing(left_);
  }
  if (!in_frame_) {
    if (input_.size() < format_.size) {
      if (ended_ && input_.size() == 0) return {ReadStatus::end};
      return nothing(format_.size);
    }
    left_ = parse_length(take(format_.size), format_);
    in_frame_ = true;
    is_long_ = left_ > limit_;
    if (is_long_) return {ReadStatus::too_long, {}, left_};
  }
  if (is_long_ && input_.size() > 0) return next_piece();
  if (is_long_ || input_.size() < left_) {
    if (ended_) in_frame_ = false;
    return nothing(left_);
  }
  in_frame_ = false;
  return {ReadStatus::ready, take(static_cast<std::size_t>(left_))};
}

Result<LengthPrefix, std::error_code> make_length_prefix(std::uint64_t length,
                                                         LengthFormat format) noexcept {
  format = checked(format);
  const bool is_full = format.size == prefix_size_max;
  if (!is_full && length >> (bits_per_byte * format.size) != 0) return std::errc::value_too_large;
  LengthPrefix prefix;
  prefix.size_ = format.size;
  for (std::size_t i = 0; i < format.size; ++i) {
    prefix.bytes_[index_of(i, format)] = static_cast<std::byte>(length & 0xFFU);
    length >>= bits_per_byte;
  }
  return prefix;
}

std::error_code append_frame(std::string& out, Bytes data, LengthFormat format) {
  const auto prefix = make_length_prefix(data.size(), format);
  if (!prefix) return prefix.error();
  const Bytes head = *prefix;
  const std::size_t room = out.max_size() - out.size();
  if (head.size() > room || data.size() > room - head.size()) {
    return std::make_error_code(std::errc::value_too_large);
  }
  out.append(reinterpret_cast<const char*>(head.data()), head.size());
  out.append(reinterpret_cast<const char*>(data.data()), data.size());
  return {};
}

// --- one size -----------------------------------------------------------------------------------

FixedFramer::FixedFramer(std::size_t size) : size_(std::max<std::size_t>(size, 1)) {
  RONDO_REQUIRE(size > 0, "FixedFramer", " needs a size above 0.");
}

Frame FixedFramer::next() {
  if (input_.size() >= size_) return {ReadStatus::ready, take(size_)};
  if (ended_ && input_.size() == 0) return {ReadStatus::end};
  return nothing(size_);
}

}  // namespace rondo
