// SPDX-License-Identifier: MIT
// rondo: text over a connection that a task reads and writes.
//
//     rondo::Task<> answer(rondo::Connection& client) {
//       rondo::TextConnection text{client};
//       while (const auto line = co_await text.read_line()) text.write_line(line);
//     }
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>

#include <rondo/codec.h>
#include <rondo/connection.h>
#include <rondo/export.h>
#include <rondo/lines.h>
#include <rondo/text_output.h>
#include <rondo/text_stream.h>

namespace rondo {

/// The input is not valid in its encoding, or the encoding lacks a character of the output; see
/// TextErrors. Its code is illegal_byte_sequence.
class RONDO_EXPORT InvalidText : public std::system_error {
 public:
  /// Its what() is `operation`, and the message of `error`.
  InvalidText(const TextError& error, const char* operation);
  InvalidText(const InvalidText&) = default;
  InvalidText& operator=(const InvalidText&) = default;
  ~InvalidText() override;

  /// Where the invalid part is, and what is wrong with it.
  [[nodiscard]] const TextError& error() const noexcept { return error_; }

 private:
  TextError error_;
};

/// Text over a Connection: lines and characters of the input, and text for the output, as
/// TextStream has them. What it has decoded and not given yet is in this object, so make one for a
/// connection, and use it for all of the text. Between two texts the bytes of the connection can be
/// read as they are; what a read of text has decoded beyond its result is not among them.
///
/// A read that is cancelled has taken nothing. At the end of the input it returns nothing. It
/// throws Disconnected as the reads of Connection do, and InvalidText when all text before the
/// invalid part was read. What a read returns is valid until the next read, also while the task is
/// suspended.
///
/// It holds so much as a line may be long and one piece of input becomes; the rest waits in the
/// Connection. TextOptions::unread_max has no effect. Destroy it before the connection, and after a
/// task that waits in it.
class RONDO_EXPORT TextConnection {
 public:
  class ReadLine;
  class ReadText;
  /// What the reads return: await it in the expression that calls them. It owns nothing.
  template <typename Awaiter, typename... Arguments>
  using Awaitable = detail::Awaitable<Awaiter, TextConnection*, Arguments...>;

  /// Throws a std::system_error if the system cannot convert the encoding; see Decoder::make().
  explicit TextConnection(Connection& connection, const TextOptions& options = {});
  TextConnection(const TextConnection&) = delete;
  TextConnection& operator=(const TextConnection&) = delete;
  ~TextConnection() = default;

  /// The connection below, for what is not text.
  [[nodiscard]] Connection& connection() const noexcept { return *connection_; }

  /// The next line: Line. The last one may have no ending. Throws a std::system_error
  /// (message_size) for one that is longer than TextOptions::line_limit, which is not taken: read()
  /// gives its beginning, or skip_line() drops it.
  Awaitable<ReadLine> read_line() noexcept { return Awaitable<ReadLine>{this}; }
  /// Up to so many characters, as soon as there is one: std::string_view.
  Awaitable<ReadText, std::size_t> read(
      std::size_t characters = std::numeric_limits<std::size_t>::max()) noexcept {
    return Awaitable<ReadText, std::size_t>{this, characters};
  }
  /// Drops the next line, or the rest of one, also if it has not arrived.
  void skip_line() noexcept { reader_.skip_line(); }
  /// Bytes of text that were decoded and not read.
  [[nodiscard]] std::size_t unread() const noexcept { return reader_.buffered(); }
  /// As TextStream::seen().
  [[nodiscard]] bool seen(LineEnding ending) const noexcept { return reader_.seen(ending); }

  /// Sends text: each `\n` as TextOptions::ending says, the rest in the encoding. It awaits
  /// nothing: `co_await text.connection().writable()` waits while the output is full. Throws
  /// InvalidText, and nothing was sent, if TextOptions::output_errors is strict and the encoding
  /// lacks a character.
  WriteStatus write(std::string_view text);
  /// The same with a `\n` at the end.
  WriteStatus write_line(std::string_view line);

  /// As TextStream::upgrade(), after the line that asks for it was read.
  [[nodiscard]] Result<void> upgrade(StreamLayers& layers, std::string_view host = {});

 private:
  class Request;

  [[nodiscard]] bool take_input();
  void add(const Decoded& decoded);
  void release_memory() noexcept;
  void throw_if_lost(const char* operation) const;
  WriteStatus send(const Encoded& encoded);

  Connection* connection_;
  Decoder decoder_;
  LineReader reader_;
  detail::TextOutput output_;
  std::optional<TextError> error_;  // what follows the text that was decoded
  bool has_ended_ = false;          // nothing more is decoded
};

class RONDO_EXPORT TextConnection::Request : public Connection::Request {
 public:
  explicit Request(TextConnection& text) noexcept
      : Connection::Request(text.connection()), text_(text) {}
  ~Request() override = default;

 protected:
  [[nodiscard]] TextConnection& text() const noexcept { return text_; }

 private:
  bool is_complete() final;
  /// Whether it needs no more input.
  [[nodiscard]] virtual bool read() = 0;

  TextConnection& text_;
};

class RONDO_EXPORT TextConnection::ReadLine final : public Request {
 public:
  explicit ReadLine(TextConnection* text) noexcept : Request(*text) {}
  Line await_resume();

 private:
  bool read() override;
  Line line_;
};

class RONDO_EXPORT TextConnection::ReadText final : public Request {
 public:
  ReadText(TextConnection* text, std::size_t characters) noexcept
      : Request(*text), characters_(characters) {}
  std::string_view await_resume();

 private:
  bool read() override;
  std::size_t characters_;
  std::string_view read_;
};

}  // namespace rondo
