// bytes -> Decoder -> LineReader -> on_line; text -> line endings -> Encoder -> the stream.
//
// Lines are told one by one, and after each the world may have changed: the TextStream may be gone
// (the flag on the stack), paused, or its stream closed. What is not told then is kept, and told
// after resume(), by Stream's own call (on_resume), since nobody is called from inside a call.
#include <rondo/text_stream.h>

#include <utility>

#include "core.h"

namespace rondo {

void TextHandler::on_long_line(TextStream& text, std::string_view) { text.skip_line(); }
void TextHandler::on_text_error(TextStream& text, const TextError&) { text.stream().close(); }
void TextHandler::on_end(TextStream& text) { text.stream().close(); }

Result<TextStream, Error> TextStream::make(TextHandler& handler, const TextOptions& options) {
  auto decoder = Decoder::make(options.encoding, options.errors);
  if (!decoder) return std::move(decoder).error();
  auto encoder = Encoder::make(options.encoding, options.output_errors);
  if (!encoder) return std::move(encoder).error();
  return TextStream{handler, options, std::move(*decoder), std::move(*encoder)};
}

TextStream::TextStream(TextHandler& handler, const TextOptions& options)
    : TextStream(detail::value_or_throw(make(handler, options))) {}

TextStream::TextStream(TextHandler& handler, const TextOptions& options, Decoder decoder,
                       Encoder encoder)
    : handler_(&handler),
      decoder_(std::move(decoder)),
      encoder_(std::move(encoder)),
      reader_(options.newlines, options.line_limit),
      ending_(options.ending) {}

TextStream::TextStream(TextStream&& other) noexcept = default;

TextStream::~TextStream() {
  if (is_gone_ != nullptr) *is_gone_ = true;
}

// --- in -----------------------------------------------------------------------------------------

void TextStream::on_open(Stream& stream) {
  stream_ = &stream;
  handler_->on_open(*this);
}

void TextStream::on_data(Stream& stream, Bytes data) {
  stream_ = &stream;
  if (!input_error_) take(decoder_.decode(data));
}

void TextStream::on_end(Stream&) {
  ended_ = true;
  if (!input_error_) take(decoder_.finish());
}

void TextStream::on_resume(Stream&) { tell(); }

void TextStream::take(const Decoded& decoded) {
  reader_.feed(decoded.text);
  input_error_ = decoded.error;
  if (ended_ || input_error_) reader_.finish();  // what stands before it is a line
  tell();
}

/// All that may be told now: lines, and then the error or the end.
void TextStream::tell() {
  if (!tell_lines()) return;
  reader_.keep();
  if (paused_ || !reader_.at_end() || std::exchange(has_told_end_, true)) return;
  if (input_error_) return handler_->on_text_error(*this, *input_error_);
  handler_->on_end(*this);
}

/// False: this object is gone.
bool TextStream::tell_lines() {
  bool is_gone = false;
  bool* const outer = std::exchange(is_gone_, &is_gone);
  while (!paused_ && (stream_->is_reading() || ended_)) {
    const Line line = reader_.read_line();
    if (line.state == Pull::more || line.state == Pull::end) break;
    if (line.state == Pull::too_long) {
      handler_->on_long_line(*this, line.text);
    } else {
      handler_->on_line(*this, line.text);
    }
    if (is_gone) {
      if (outer != nullptr) *outer = true;
      return false;
    }
  }
  is_gone_ = outer;
  return true;
}

void TextStream::on_writable(Stream&) { handler_->on_writable(*this); }
void TextStream::on_close(Stream& stream, const Close& why) {
  stream_ = &stream;
  handler_->on_close(*this, why);
}

void TextStream::pause() noexcept {
  paused_ = true;
  stream_->pause();
}

void TextStream::resume() noexcept {
  paused_ = false;
  stream_->resume();
}

// --- out ----------------------------------------------------------------------------------------

bool TextStream::write(std::string_view text) {
  if (ending_ == LineEnding::lf) return send(text);
  outgoing_.clear();
  append_lines(outgoing_, text, ending_);
  return send(outgoing_);
}

bool TextStream::write_line(std::string_view line) {
  outgoing_.clear();
  append_lines(outgoing_, line, ending_);
  append_lines(outgoing_, "\n", ending_);
  return send(outgoing_);
}

bool TextStream::send(std::string_view text) {
  const Encoded encoded = encoder_.encode(text);
  error_ = encoded.error;
  if (error_) {
    encoder_.reset();  // what comes next is another text
    return false;
  }
  return stream_->write(encoded.bytes);
}

}  // namespace rondo
