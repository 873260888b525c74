// rondo: text over a stream: lines in, text out. What Python's makefile() gives a socket.
#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <rondo/assert.h>
#include <rondo/codec.h>
#include <rondo/export.h>
#include <rondo/lines.h>
#include <rondo/result.h>
#include <rondo/server.h>
#include <rondo/stream.h>

namespace rondo {

class TextStream;

struct TextOptions {
  Encoding encoding{};                                 ///< utf-8; see Encoding::find
  TextErrors errors = TextErrors::strict;              ///< of the input
  TextErrors output_errors = TextErrors::replace;      ///< for characters that the encoding lacks
  Newlines newlines = Newlines::universal;             ///< of the input
  LineEnding ending = LineEnding::lf;                  ///< what a `\n` is written as
  std::size_t line_limit = LineReader::limit_default;  ///< in bytes of text
  /// Of text that was received and not taken, in bytes. Above it the stream is not read, until half
  /// of it is taken, or a read_line() finds no line in it: a line always has room.
  std::size_t unread_max = 2 * LineReader::limit_default;
};

/// What a TextStream calls, as a Stream calls a StreamHandler. Any of them may destroy it. Override
/// on_line to be given the lines, or on_readable to take what you want when you want it.
class RONDO_EXPORT TextHandler {
 public:
  virtual void on_open(TextStream&) {}
  /// Text has come, or the last of it ended: take some, by read_line(), lines(), read() or
  /// read_all(). Called again at once while it takes some and leaves some that it has not found
  /// wanting; then when more has come. Not overridden: takes all lines, and calls on_line.
  virtual void on_readable(TextStream& text);
  /// A line without its ending; the last one may have had none. `line` is gone on return.
  virtual void on_line(TextStream& text, std::string_view line);
  /// A piece of a line longer than line_limit; what remains of it comes as further pieces, and its
  /// end by on_line. Skips to the next line if it is not overridden.
  virtual void on_long_line(TextStream& text, std::string_view piece);
  /// The input is no text in this encoding (TextErrors::strict), and all before it was taken;
  /// nothing more is read. Closes if it is not overridden.
  virtual void on_text_error(TextStream& text, const TextError& error);
  /// The peer has finished, and all text was taken. Closes if it is not overridden.
  virtual void on_end(TextStream& text);
  virtual void on_writable(TextStream&) {}
  /// What had come and was not taken can be taken still.
  virtual void on_close(TextStream&, const Close&) {}

 protected:
  ~TextHandler() = default;
};

/// Text over a Stream, whose handler it is: make it, then hand it to connect(), adopt() or a
/// Reconnector, or derive a session from LineSession. Destroy it after the stream. What is written
/// leaves when the stream's output does: nobody has to flush. Thread: the reactor's.
///
/// It has a stream from attach(), or from the stream's first call, until on_close has returned. It
/// may have one after the other, not two at once, and begins anew with each: no text, error, pause
/// or state of an encoding is left from the last. One that its owner destroys is gone without a
/// call: then do not use the TextStream until it has another, unless it was destroyed inside a call
/// of the TextStream's own.
class RONDO_EXPORT TextStream final : public StreamHandler {
 public:
  using Lines = WholeLines<TextStream>;

  /// `handler` outlives it. Throws std::system_error where make() returns the error.
  explicit TextStream(TextHandler& handler, const TextOptions& options = {});
  /// Errors: those of Decoder::make and Encoder::make.
  [[nodiscard]] static Result<TextStream, Error> make(TextHandler& handler,
                                                      const TextOptions& options = {});
  TextStream(TextStream&& other) noexcept;  ///< only before it is handed to a stream
  ~TextStream();

  /// Whether it has a stream: see above.
  [[nodiscard]] bool has_stream() const noexcept { return stream_ != nullptr; }
  /// The stream below; there must be one.
  [[nodiscard]] Stream& stream() const noexcept {
    RONDO_ASSERT(has_stream());
    return *stream_;
  }
  /// Begins with `stream`, whose handler it is, before that calls: which lets a client write before
  /// it is connected. May be called in the on_close of the last one. What was taken, or told, is
  /// gone.
  void attach(Stream& stream) noexcept;

  /// Sends text: each `\n` as the option says, the rest in the stream's encoding. False: hold back,
  /// as Stream::write; or, with strict output_errors, nothing was written, and write_error() tells;
  /// or nothing was, as it has no stream any more. Not before the first one.
  bool write(std::string_view text);
  /// The same with a `\n` behind it.
  bool write_line(std::string_view line);
  [[nodiscard]] const std::optional<TextError>& write_error() const noexcept { return error_; }

  // Taking text, inside the calls and outside, without waiting: as LineReader does, `more` or an
  // empty text meaning that on_readable will tell. After on_close too, until the next stream's
  // first call. What is returned lives until the next of these, at most until the call of the
  // handler, or the turn, has ended.

  [[nodiscard]] Line read_line();
  [[nodiscard]] Line read_whole_line();
  /// `for (std::string_view line : text.lines())`: the whole lines that are here.
  [[nodiscard]] Lines lines() noexcept { return Lines{*this}; }
  [[nodiscard]] std::string_view read(std::size_t characters);
  [[nodiscard]] std::string_view read_all();
  /// Drops the rest of a line that was too long, or the line that comes next.
  void skip_line() noexcept { reader_.skip_line(); }
  /// Bytes of text that were received and not taken.
  [[nodiscard]] std::size_t unread() const noexcept { return reader_.buffered(); }
  /// Whether the input has ended, and all of it was taken.
  [[nodiscard]] bool at_end() const noexcept { return reader_.at_end(); }

  /// Nothing is told until resume(), not even of what was received already. It may be taken. Both
  /// do nothing between two streams. Not before the first one.
  void pause() noexcept;
  void resume() noexcept;
  /// Whether such a line ending has come, in the modes universal and kept.
  [[nodiscard]] bool seen(LineEnding ending) const noexcept { return reader_.seen(ending); }

 private:
  TextStream(TextHandler& handler, const TextOptions& options, Decoder decoder, Encoder encoder);

  void on_open(Stream& stream) override;
  void on_data(Stream& stream, Bytes data) override;
  void on_end(Stream& stream) override;
  void on_resume(Stream& stream) override;
  void on_writable(Stream& stream) override;
  void on_close(Stream& stream, const Close& why) override;
  friend class TextHandler;
  template <typename Call>
  [[nodiscard]] bool call(Call&& one, bool is_last = false);
  void begin(Stream& stream) noexcept;
  void called_by(Stream& stream) noexcept;
  void feed(const Decoded& decoded);
  void tell();
  [[nodiscard]] bool tell_text();
  void tell_lines();
  [[nodiscard]] bool tells() const noexcept;
  void stream_gone() noexcept;
  [[nodiscard]] bool is_held_up(std::size_t unread_max) const noexcept;
  void taken(bool all) noexcept;
  bool send(std::string_view text);

  TextHandler* handler_;
  Stream* stream_ = nullptr;
  Decoder decoder_;
  Encoder encoder_;
  LineReader reader_;
  std::string outgoing_;
  std::optional<TextError> error_;        // of the output
  std::optional<TextError> input_error_;  // nothing behind it is read
  bool* is_gone_ = nullptr;               // of the call that is running
  std::size_t unread_max_;
  LineEnding ending_;
  bool had_stream_ = false;
  bool attached_ = false;  // to a stream that has not called yet
  bool paused_ = false;    // by the user
  bool held_ = false;      // the stream is paused until text is taken
  bool took_all_ = false;  // what is left is no line, or nothing
  bool ended_ = false;
  bool has_told_error_ = false;
  bool has_told_end_ = false;
};

/// A session that speaks in text, for serve<S>() as a Session is: override on_line or on_readable.
class RONDO_EXPORT LineSession : public TextHandler {
 public:
  explicit LineSession(const TextOptions& options = {}) : text_(*this, options) {}
  LineSession(const LineSession&) = delete;
  LineSession& operator=(const LineSession&) = delete;
  virtual ~LineSession() = default;

  /// The server drains. Closes if it is not overridden.
  virtual void on_drain(TextStream& client) { client.stream().close(); }

  [[nodiscard]] TextStream& text() noexcept { return text_; }

 private:
  TextStream text_;
};

/// As session_factory() of a Session.
template <typename S, typename... Shared>
  requires std::is_base_of_v<LineSession, S>
[[nodiscard]] SessionFactory session_factory(Shared&... shared) {
  static_assert(alignof(S) <= alignof(std::max_align_t));
  return {sizeof(S), std::max(alignof(S), alignof(void*)),
          [&shared...](void* where, Stream& client, const Endpoint&) -> StreamHandler* {
            TextStream& text = (::new (where) S(shared...))->text();
            text.attach(client);
            return &text;
          },
          [](void* where, Stream&) {
            auto* const session = static_cast<S*>(where);
            session->on_drain(session->text());
          },
          [](void* where) noexcept { static_cast<S*>(where)->~S(); }};
}

/// As serve() with a Session.
template <typename S, typename... Shared>
  requires std::is_base_of_v<LineSession, S>
[[nodiscard]] Result<Server, Error> serve(Reactor& reactor, std::string_view where,
                                          const ServerOptions& options = {}, Shared&... shared) {
  return serve(reactor, where, session_factory<S>(shared...), options);
}

}  // namespace rondo
