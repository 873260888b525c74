// SPDX-License-Identifier: MIT
// bytes of the Connection -> Decoder -> LineReader -> the task; text -> TextOutput -> the
// Connection.
//
// Input is decoded when a read needs it, in pieces, so that the rest waits as bytes, where the
// Connection keeps it or holds the peer back.
#include <rondo/text_connection.h>

#include <algorithm>
#include <string>
#include <utility>

namespace rondo {
namespace {

constexpr std::size_t piece_max = std::size_t{16} << 10U;

}  // namespace

InvalidText::InvalidText(const TextError& error, const char* operation)
    : std::system_error(std::make_error_code(std::errc::illegal_byte_sequence),
                        std::string{operation} + ": " + error.message()),
      error_(error) {}

InvalidText::~InvalidText() = default;

TextConnection::TextConnection(Connection& connection, const TextOptions& options)
    : connection_(&connection),
      decoder_(Decoder::make(options.encoding, options.errors).value_or_throw()),
      reader_(options.newlines, options.line_limit),
      output_(options.ending) {
  output_.set_encoding(options.encoding, options.output_errors).value_or_throw();
}

// --- input --------------------------------------------------------------------------------------

/// False: nothing more has arrived. Without memory some of the text is lost, so nothing that
/// follows is read, and the connection is aborted.
bool TextConnection::take_input() try {
  if (has_ended_) return false;
  const std::size_t size = std::min(connection_->unread_bytes(), piece_max);
  if (size > 0) {
    add(decoder_.decode(connection_->take(size)));
  } else {
    if (!connection_->input_is_over()) return false;
    has_ended_ = true;
    add(connection_->is_lost() ? Decoded{} : decoder_.finish());
  }
  reader_.keep();  // the bytes are lent
  return true;
} catch (...) {
  has_ended_ = true;
  reader_.reset();
  reader_.finish();
  connection_->abort();
  throw;
}

void TextConnection::add(const Decoded& decoded) {
  reader_.feed(decoded.text);
  error_ = decoded.error;
  if (error_) has_ended_ = true;
  if (has_ended_) reader_.finish();  // the rest without an ending is a line, too
}

/// Nothing that was read is used any more.
void TextConnection::release_memory() noexcept {
  reader_.release_memory();
  decoder_.release_memory();
}

/// All text was read.
void TextConnection::throw_if_lost(const char* operation) const {
  if (error_) throw InvalidText(*error_, operation);
  connection_->throw_if_lost(operation);
}

bool TextConnection::Request::is_complete() {
  while (!read()) {
    if (text_.take_input()) continue;
    text_.release_memory();
    return false;
  }
  return true;
}

bool TextConnection::ReadLine::read() {
  line_ = text().reader_.read_whole_line();
  return line_.status != ReadStatus::more;
}

Line TextConnection::ReadLine::await_resume() {
  if (line_.status == ReadStatus::too_long) {
    throw std::system_error(std::make_error_code(std::errc::message_size),
                            "read_line: a line above the limit");
  }
  if (line_.status == ReadStatus::end) text().throw_if_lost("read_line");
  return line_;
}

bool TextConnection::ReadText::read() {
  read_ = text().reader_.read(characters_);
  return !read_.empty() || text().reader_.at_end() || characters_ == 0;
}

std::string_view TextConnection::ReadText::await_resume() {
  if (read_.empty() && characters_ > 0) text().throw_if_lost("read");
  return read_;
}

// --- output -------------------------------------------------------------------------------------

WriteStatus TextConnection::write(std::string_view text) { return send(output_.encode(text)); }

WriteStatus TextConnection::write_line(std::string_view line) {
  return send(output_.encode_line(line));
}

WriteStatus TextConnection::send(const Encoded& encoded) {
  if (encoded.error) throw InvalidText(*encoded.error, "write");
  const WriteStatus status = connection_->write(encoded.bytes);
  output_.release_memory();
  return status;
}

Result<void> TextConnection::upgrade(StreamLayers& layers, std::string_view host) {
  const bool has_unread =
      unread() + decoder_.incomplete() + connection_->unread_bytes() > 0 || error_;
  // A LF behind the handshake belongs to no CR before it.
  reader_.flush();
  // The stream asks only whether there are any.
  constexpr std::byte some{};
  return connection_->stream().upgrade(layers, host, Bytes{&some, has_unread ? 1U : 0U});
}

}  // namespace rondo
