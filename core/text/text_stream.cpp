// bytes -> Decoder -> LineReader -> the user; text -> line endings -> Encoder -> the stream.
//
// Taking is the one way out of the LineReader: on_readable tells that there is something, and
// on_line is what its default does with it. After each call the world may have changed: the
// TextStream may be gone (the flag on the stack), paused, attached to another stream, or its stream
// ended or gone (Frame).
//
// What is not taken is kept. Above unread_max, and at the end of the input, the stream is held:
// paused until enough was taken. Its on_resume then brings us back, to tell of what is left or of
// the end, since nobody is called from inside a call. So does it after the user's own pause.
//
// One stream may follow the other, even at the same address. What is known of the last one is
// thrown away by attach(), or else by the first call of the next.
#include <rondo/text_stream.h>

#include <limits>
#include <utility>

#include "loop/loop.h"
#include "stream/streams.h"

namespace rondo {

void TextHandler::on_readable(TextStream& text) { text.tell_lines(); }
void TextHandler::on_line(TextStream&, std::string_view) {}
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
      unread_max_(options.unread_max),
      ending_(options.ending) {}

TextStream::TextStream(TextStream&& other) noexcept = default;

TextStream::~TextStream() {
  if (is_gone_ != nullptr) *is_gone_ = true;
}

// --- in -----------------------------------------------------------------------------------------

void TextStream::attach(Stream& stream) noexcept {
  begin(stream);
  attached_ = true;
}

void TextStream::begin(Stream& stream) noexcept {
  stream_ = &stream;
  had_stream_ = true;
  decoder_.reset();
  encoder_.reset();
  reader_.reset();
  error_.reset();
  input_error_.reset();
  paused_ = false;
  held_ = false;
  took_all_ = false;
  ended_ = false;
  has_told_error_ = false;
  has_told_end_ = false;
}

/// Its first call need not be on_open: it may not connect, or have had another handler.
void TextStream::called_by(Stream& stream) noexcept {
  if (stream_ != &stream) begin(stream);
  attached_ = false;
}

void TextStream::on_open(Stream& stream) {
  if (!attached_) stream_ = nullptr;  // the last one may have been where this one is
  called_by(stream);
  handler_->on_open(*this);
}

void TextStream::on_data(Stream& stream, Bytes data) {
  called_by(stream);
  if (!input_error_) feed(decoder_.decode(data));
}

void TextStream::on_end(Stream& stream) {
  called_by(stream);
  ended_ = true;
  input_error_ ? tell() : feed(decoder_.finish());
}

void TextStream::on_resume(Stream& stream) {
  called_by(stream);
  tell();
}

void TextStream::feed(const Decoded& decoded) {
  reader_.feed(decoded.text);
  took_all_ = false;
  input_error_ = decoded.error;
  if (ended_ || input_error_) reader_.finish();  // what stands before it is a line
  tell();
}

/// Makes a call of the handler, after which nothing is lent any more. False: this object is gone.
/// After the last one of a stream there is none, unless the next was attached in it.
template <typename Call>
bool TextStream::call(Call&& one, bool is_last) {
  bool is_gone = false;
  bool* const outer = std::exchange(is_gone_, &is_gone);
  using Witness = detail::Streams::Frame;
  const Witness witness{detail::Streams::of(*stream_), *stream_, Witness::Kind::witness};
  const auto ended = [&] {
    if (!is_gone) {
      is_gone_ = outer;
      if ((is_last || witness.stream_is_gone()) && !attached_) stream_gone();
    } else if (outer != nullptr) {
      *outer = true;
    }
  };
  try {
    one();
  } catch (...) {
    ended();
    if (!is_gone) reader_.keep();
    throw;
  }
  ended();
  return !is_gone;
}

bool TextStream::tells() const noexcept {
  return stream_ != nullptr && !paused_ && !stream_->is_closing();
}

/// It has ended, or was destroyed by its owner. What was received can be taken still.
void TextStream::stream_gone() noexcept {
  stream_ = nullptr;
  held_ = false;
}

/// All that may be told now: the text, then the error, then the end.
void TextStream::tell() {
  held_ = false;
  if (!tell_text()) return;
  reader_.keep();
  if (tells() && is_held_up(unread_max_)) {
    held_ = true;
    stream_->pause();
  }
  if (!reader_.at_end()) return;
  if (tells() && input_error_ && !std::exchange(has_told_error_, true)) {
    const TextError error = *input_error_;  // attach() forgets it
    if (!call([&] { handler_->on_text_error(*this, error); })) return;
  }
  if (tells() && ended_ && !std::exchange(has_told_end_, true)) handler_->on_end(*this);
}

/// As long as some is taken and some is left that may be more than half a line. False: this object
/// is gone.
bool TextStream::tell_text() {
  while (tells() && reader_.buffered() > 0 && !took_all_) {
    const std::size_t before = reader_.buffered();
    if (!call([this] { handler_->on_readable(*this); })) return false;
    if (reader_.buffered() == before) return true;
  }
  return true;
}

void TextStream::tell_lines() {
  while (tells()) {
    const Line line = read_line();
    if (line.state == ReadStatus::more || line.state == ReadStatus::end) return;
    const bool is_here = call([&] {
      line ? handler_->on_line(*this, line.text) : handler_->on_long_line(*this, line.text);
    });
    if (!is_here) return;
  }
}

/// Whether the stream waits for text to be taken.
bool TextStream::is_held_up(std::size_t unread_max) const noexcept {
  if (ended_ || input_error_) return !reader_.at_end();
  return reader_.buffered() > unread_max && !took_all_;
}

// --- taking -------------------------------------------------------------------------------------

/// Notes that text was taken, `all` that there was to take.
void TextStream::taken(bool all) noexcept {
  took_all_ = took_all_ || all;
  if (!held_ || is_held_up(unread_max_ / 2)) return;
  held_ = false;
  if (!paused_) stream_->resume();
}

Line TextStream::read_line() {
  const Line line = reader_.read_line();
  taken(line.state == ReadStatus::more);
  return line;
}

Line TextStream::read_whole_line() {
  const Line line = reader_.read_whole_line();
  taken(line.state == ReadStatus::more);
  return line;
}

std::string_view TextStream::read(std::size_t characters) {
  const std::string_view text = reader_.read(characters);
  taken(text.size() < characters);
  return text;
}

std::string_view TextStream::read_all() { return read(std::numeric_limits<std::size_t>::max()); }

// --- calls that are passed on -------------------------------------------------------------------

void TextStream::on_writable(Stream& stream) {
  called_by(stream);
  handler_->on_writable(*this);
}

void TextStream::on_close(Stream& stream, const Close& why) {
  called_by(stream);
  held_ = false;  // who takes the rest now does not touch the stream
  (void)call([&] { handler_->on_close(*this, why); }, true);  // nothing is left to do
}

void TextStream::pause() noexcept {
  RONDO_ASSERT(had_stream_);
  if (stream_ == nullptr) return;
  paused_ = true;
  stream_->pause();
}

void TextStream::resume() noexcept {
  RONDO_ASSERT(had_stream_);
  if (stream_ == nullptr) return;
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
  RONDO_ASSERT(had_stream_);
  error_.reset();
  if (stream_ == nullptr) return false;
  const Encoded encoded = encoder_.encode(text);
  error_ = encoded.error;
  if (error_) {
    encoder_.reset();  // what comes next is another text
    return false;
  }
  return stream_->write(encoded.bytes);
}

}  // namespace rondo
