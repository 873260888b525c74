// SPDX-License-Identifier: MIT
// bytes -> Decoder -> LineReader -> the user; text -> line endings -> Encoder -> the stream.
//
// All text leaves by the LineReader: on_readable reports that there is some, and its default reads
// the lines and calls on_line. Each call of the handler may pause, close or destroy the TextStream;
// a Call on the stack knows whether it still exists.
//
// What the input has brought, and what of it was reported, only go forward. An error or the end is
// reported when all text before it was read:
//
//   received_   text -> error -> end     an invalid byte, then the end of the input;
//   reported_   text -> error -> end     the error is left out if there is none
//
// Whether the stream reads:
//
//                    more than unread_max unread,
//                    or the input is over and not all read
//         reading -------------------------------------------> held
//         ^  | ^                                                 |
//         |  | +---- half of it read, or no line found in it ----+
//         |  +---------- pause() -----> paused <---- pause() ----+
//         +------------- resume() ---------+
//
//         any -- on_close --> closed     the stream is not used any more
//
// From held and paused, the stream's on_resume leads back to report(), since no handler is called
// from inside a call of the user.
#include <rondo/text_stream.h>

#include <algorithm>
#include <limits>
#include <utility>

#include <rondo/assert.h>

#include "text_call.h"

namespace rondo {
namespace {

constexpr std::size_t read_size_max = std::size_t{64} << 10U;  // what on_data brings at most

std::size_t text_per_byte(EncodingKind kind, TextErrors errors) noexcept {
  if (errors == TextErrors::backslashreplace) return 4;
  const bool is_lent =
      kind == EncodingKind::utf8 || kind == EncodingKind::utf8_sig || kind == EncodingKind::ascii;
  return is_lent && errors != TextErrors::replace ? 1 : 3;
}

/// The handler of a stream that is being made. Nothing is called before the next turn.
class NotYet final : public StreamHandler {
 public:
  void on_data(Stream&, Bytes) override {}
};

StreamHandler& not_yet() noexcept {
  static NotYet handler;
  return handler;
}

}  // namespace

void TextHandler::on_readable(TextStream& text) { text.report_lines(); }
void TextHandler::on_line(TextStream&, std::string_view) {}
void TextHandler::on_long_line(TextStream& text, std::string_view) { text.skip_line(); }
void TextHandler::on_text_error(TextStream& text, const TextError&) { text.stream().close(); }
void TextHandler::on_end(TextStream& text) { text.stream().close(); }

// --- made and destroyed -------------------------------------------------------------------------

std::unique_ptr<TextStream> TextStream::connect(Reactor& reactor, std::string_view target,
                                                TextHandler& handler, const TextOptions& options,
                                                const ConnectOptions& connect) {
  return adopt(rondo::connect(reactor, target, not_yet(), connect), handler, options);
}

Result<std::unique_ptr<TextStream>> TextStream::adopt(Reactor& reactor, Socket socket,
                                                      TextHandler& handler,
                                                      const TextOptions& options,
                                                      const StreamOptions& stream) {
  auto adopted = Stream::adopt(reactor, std::move(socket), not_yet(), stream);
  if (!adopted) return std::move(adopted).error();
  return adopt(std::move(*adopted), handler, options);
}

Result<std::unique_ptr<TextStream>> TextStream::standard_input(Reactor& reactor,
                                                               TextHandler& handler,
                                                               const TextOptions& options,
                                                               const StreamOptions& stream) {
  auto opened = Stream::standard_input(reactor, not_yet(), stream);
  if (!opened) return std::move(opened).error();
  return adopt(std::move(*opened), handler, options);
}

std::unique_ptr<TextStream> TextStream::adopt(std::unique_ptr<Stream> stream, TextHandler& handler,
                                              const TextOptions& options) {
  RONDO_REQUIRE(stream != nullptr, "TextStream::adopt",
                " was called without a stream: the pointer is null. take_output() of a Process "
                "returns a stream only if the option `output` is Redirect::pipe().");
  return std::unique_ptr<TextStream>{new TextStream{std::move(stream), handler, options}};
}

TextStream::TextStream(std::unique_ptr<Stream> stream, TextHandler& handler,
                       const TextOptions& options)
    : TextStream(*stream, handler, options) {
  owned_ = std::move(stream);
  owned_->set_handler(*this);
}

TextStream::TextStream(Stream& stream, TextHandler& handler, const TextOptions& options)
    : handler_(&handler),
      stream_(&stream),
      reader_(options.newlines, options.line_limit, options.unread_max),
      output_(options.ending),
      unread_max_(options.unread_max),
      text_per_byte_max_(text_per_byte(options.encoding.kind(), options.errors)) {
  auto decoder = Decoder::make(options.encoding, options.errors);
  auto encodes = output_.set_encoding(options.encoding, options.output_errors);
  if (decoder && encodes) {
    decoder_ = std::move(*decoder);
    return;
  }
  encoding_error_ =
      std::make_unique<Error>(decoder ? std::move(encodes).error() : std::move(decoder).error());
  stream.abort();
}

TextStream::~TextStream() {
  if (owned_ != nullptr) check("the destructor of TextStream");
  Call::end_all(call_);
}

/// After on_close the stream may be gone, and with it the knowledge of the thread.
void TextStream::check([[maybe_unused]] const char* call) const noexcept {
  if (flow_ != Flow::closed) detail::check_thread(*stream_, call);
}

Stream& TextStream::stream() const noexcept {
  check("TextStream::stream");
  return *stream_;
}

bool TextStream::is_closed() const noexcept {
  check("TextStream::is_closed");
  return flow_ == Flow::closed;
}

StreamHandler& detail::begin(LineSession& session, Stream& client) {
  const TextOptions options = std::get<TextOptions>(session.text_);
  return session.text_.emplace<TextStream>(client, session, options);
}

// --- what the stream calls ----------------------------------------------------------------------

void TextStream::on_open(Stream&) {
  if (encoding_error_ == nullptr) handler_->on_open(*this);
}

void TextStream::on_writable(Stream&) { handler_->on_writable(*this); }

void TextStream::on_close(Stream&, const Close& why) {
  flow_ = Flow::closed;
  if (encoding_error_ == nullptr) return handler_->on_close(*this, why);
  const Error error = *encoding_error_;  // the handler may destroy this object
  handler_->on_close(*this, {CloseReason::error, error.code, error.context});
}

// --- what the handler is called for -------------------------------------------------------------

bool TextStream::reports() const noexcept {
  return (flow_ == Flow::reading || flow_ == Flow::held) && !stream_->is_closing();
}

/// Everything that can be reported now. Then no text is lent any more, even after an exception.
void TextStream::report() {
  if (flow_ == Flow::held) flow_ = Flow::reading;
  const Call call{*this};
  try {
    report_input(call);
  } catch (...) {
    if (!call.text_is_gone()) reader_.keep();
    throw;
  }
  if (!call.text_is_gone()) release_memory();
}

void TextStream::report_input(const Call& call) {
  report_text(call);
  if (call.text_is_gone()) return;
  reader_.keep();
  if (reports() && holds(reading_max())) {
    flow_ = Flow::held;
    stream_->pause();
  }
  if (!reader_.at_end()) return;
  if (reports() && input_error_ && reported_ == Input::text) {
    reported_ = Input::error;
    const TextError error = *input_error_;  // the handler may destroy this object
    handler_->on_text_error(*this, error);
    if (call.text_is_gone()) return;
  }
  if (reports() && received_ == Input::end && reported_ != Input::end) {
    reported_ = Input::end;
    handler_->on_end(*this);
  }
}

/// As long as each call reads a part and leaves another that may be more than half a line.
void TextStream::report_text(const Call& call) {
  while (reports() && reader_.buffered() > 0 && !is_exhausted_) {
    const std::size_t before = reader_.buffered();
    handler_->on_readable(*this);
    if (call.text_is_gone() || reader_.buffered() == before) return;
  }
}

void TextStream::report_lines() {
  const Call call{*this};
  while (!call.text_is_gone() && reports()) {
    const Line line = read_line();
    if (line.status == ReadStatus::more || line.status == ReadStatus::end) return;
    line ? handler_->on_line(*this, line.text) : handler_->on_long_line(*this, line.text);
  }
}

/// Whether the stream must not read until text was read.
bool TextStream::holds(std::size_t unread_max) const noexcept {
  if (received_ != Input::text) return !reader_.at_end();
  return reader_.buffered() > unread_max && !is_exhausted_;
}

/// With more unread text than this the next read may exceed unread_max.
std::size_t TextStream::reading_max() const noexcept {
  return unread_max_ - std::min(read_size_max, unread_max_ / 2);
}

void TextStream::pause() noexcept {
  check("TextStream::pause");
  if (flow_ == Flow::closed) return;
  flow_ = Flow::paused;
  stream_->pause();
}

void TextStream::resume() noexcept {
  check("TextStream::resume");
  if (flow_ == Flow::closed) return;
  flow_ = Flow::reading;
  stream_->resume();
}

Result<void> TextStream::upgrade(StreamLayers& layers, std::string_view host) {
  check("TextStream::upgrade");
  if (flow_ == Flow::closed)
    return Error{std::make_error_code(std::errc::not_connected), "upgrade a stream: it has ended"};
  const bool has_unread = unread() + undecoded_ + decoder_.incomplete() > 0 || input_error_;
  // A LF behind the handshake belongs to no CR before it.
  reader_.flush();
  // The stream asks only whether there are any.
  constexpr std::byte some{};
  return stream_->upgrade(layers, host, Bytes{&some, has_unread ? 1U : 0U});
}

// --- reading ------------------------------------------------------------------------------------

/// Text was read, `all`: what is left is not enough.
void TextStream::was_read(bool all) noexcept {
  is_exhausted_ = is_exhausted_ || all;
  if (flow_ == Flow::held && !holds(reading_max() / 2)) resume();
}

/// A read outside of the handler's calls has returned nothing: no text is lent.
void TextStream::found_nothing() noexcept {
  if (call_ == nullptr) release_memory();
}

Line TextStream::read_line() {
  check("TextStream::read_line");
  Line line = reader_.read_line();
  while (line.status == ReadStatus::more && refill()) line = reader_.read_line();
  was_read(line.status == ReadStatus::more);
  if (line.status == ReadStatus::more) found_nothing();
  return line;
}

Line TextStream::read_whole_line() {
  check("TextStream::read_whole_line");
  Line line = reader_.read_whole_line();
  while (line.status == ReadStatus::more && refill()) line = reader_.read_whole_line();
  was_read(line.status == ReadStatus::more);
  if (line.status == ReadStatus::more) found_nothing();
  return line;
}

std::string_view TextStream::read(std::size_t characters) {
  check("TextStream::read");
  while (reader_.buffered() < characters && refill()) {
  }
  const std::string_view text = reader_.read(characters);
  was_read(text.size() < characters);
  if (text.empty()) found_nothing();
  return text;
}

void TextStream::skip_line() noexcept {
  check("TextStream::skip_line");
  reader_.skip_line();
}

std::size_t TextStream::unread() const noexcept {
  check("TextStream::unread");
  return reader_.buffered() + waiting_.size();
}

bool TextStream::at_end() const noexcept {
  check("TextStream::at_end");
  return reader_.at_end();
}

bool TextStream::seen(LineEnding ending) const noexcept {
  check("TextStream::seen");
  return reader_.seen(ending);
}

std::string_view TextStream::read_all() { return read(std::numeric_limits<std::size_t>::max()); }

// --- writing ------------------------------------------------------------------------------------

WriteStatus TextStream::write(std::string_view text) {
  check("TextStream::write");
  return send(output_.encode(text));
}

WriteStatus TextStream::write_line(std::string_view line) {
  check("TextStream::write_line");
  return send(output_.encode_line(line));
}

const std::optional<TextError>& TextStream::write_error() const noexcept {
  check("TextStream::write_error");
  return write_error_;
}

WriteStatus TextStream::send(const Encoded& encoded) {
  write_error_ = encoded.error;
  const bool is_refused = write_error_ || flow_ == Flow::closed;
  const WriteStatus status = is_refused ? WriteStatus::refused : stream_->write(encoded.bytes);
  output_.release_memory();
  return status;
}

}  // namespace rondo
