// SPDX-License-Identifier: MIT
// The input of a TextStream: from the bytes that its stream passes on to the LineReader.
//
// Memory. Input whose text might be longer than itself is decoded in pieces. If there is no room
// for the text of the next piece, the rest of the input waits as it is: unread text and waiting
// input together stay within unread_max. What only the last call needed is given back after it.
#include <algorithm>

#include "spare.h"
#include "text_call.h"

namespace rondo {
namespace {

constexpr std::size_t piece_min = std::size_t{4} << 10U;
constexpr std::size_t piece_max = std::size_t{16} << 10U;  // if its text is copied

}  // namespace

void TextStream::on_data(Stream&, Bytes data) {
  if (received_ == Input::text) take(as_text(data));
}

void TextStream::on_end(Stream&) {
  while (refill()) {
  }
  if (received_ == Input::text) {
    received_ = Input::end;
    feed(decoder_.finish());
  } else {
    received_ = Input::end;
    report();
  }
}

void TextStream::on_resume(Stream&) {
  const Call call{*this};
  report();
  if (!call.text_is_gone() && flow_ == Flow::reading && !waiting_.empty()) take({});
}

/// Decodes and reports input as long as there is room for its text. The rest waits.
void TextStream::take(std::string_view data) {
  const Call call{*this};
  std::string waited;
  if (!waiting_.empty()) {
    waited.swap(waiting_);
    waited.append(data);
    data = waited;
  }
  while (received_ == Input::text && flow_ == Flow::reading && !data.empty()) {
    const std::size_t size = piece_size(data.size());
    if (size == 0) break;
    const std::string_view piece = data.substr(0, size);
    data.remove_prefix(size);
    undecoded_ = data.size();
    feed(decoder_.decode(piece));
    if (call.text_is_gone()) return;
    undecoded_ = 0;
  }
  if (received_ != Input::text || data.empty() || stream_->is_closing()) return;
  waiting_.assign(data);
  if (flow_ != Flow::reading) return;
  flow_ = Flow::held;
  stream_->pause();
}

/// How much of the input to decode next; 0: there is no room for its text.
std::size_t TextStream::piece_size(std::size_t left) const noexcept {
  if (text_per_byte_max_ == 1) return left;
  const std::size_t unread = reader_.buffered();
  const std::size_t room = unread_max_ - std::min(unread_max_, unread + left);
  const std::size_t fitting = std::min(room / (text_per_byte_max_ - 1), piece_max);
  const bool must_go_on = unread == 0 || is_exhausted_;
  if (fitting < piece_min && !must_go_on) return 0;
  return std::min(left, std::max(fitting, piece_min));
}

/// Decodes some of the input that waits, for a read outside of report(). False: there is none.
bool TextStream::refill() {
  if (waiting_.empty() || received_ != Input::text) return false;
  const std::size_t size = std::min(waiting_.size(), piece_min);
  add(decoder_.decode(std::string_view{waiting_}.substr(0, size)));
  reader_.keep();
  waiting_.erase(0, size);
  return true;
}

void TextStream::add(const Decoded& decoded) {
  reader_.feed(decoded.text);
  is_exhausted_ = false;
  input_error_ = decoded.error;
  if (input_error_ && received_ == Input::text) received_ = Input::error;
  if (received_ != Input::text) reader_.finish();  // the rest without an ending is a line too
}

void TextStream::feed(const Decoded& decoded) {
  add(decoded);
  report();
}

/// No text is lent.
void TextStream::release_memory() noexcept {
  reader_.release_memory();
  decoder_.release_memory();
  if (waiting_.empty()) detail::release_spare(waiting_);
}

}  // namespace rondo
