// SPDX-License-Identifier: MIT
// rondo: text over a stream: reads lines and writes text, as Python's makefile() does for a socket.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <rondo/assert.h>
#include <rondo/client.h>
#include <rondo/codec.h>
#include <rondo/export.h>
#include <rondo/lines.h>
#include <rondo/result.h>
#include <rondo/server.h>
#include <rondo/socket.h>
#include <rondo/stream.h>
#include <rondo/text_output.h>

namespace rondo {

class LineSession;
class Reactor;
class TextStream;
namespace detail {
RONDO_EXPORT StreamHandler& begin(LineSession& session, Stream& client);
}  // namespace detail

/// `TextStream::connect(reactor, target, handler, {.newlines = Newlines::crlf})`
struct TextOptions {
  Encoding encoding{};                                 ///< utf-8; see Encoding::find
  TextErrors errors = TextErrors::strict;              ///< for the input
  TextErrors output_errors = TextErrors::replace;      ///< for characters that the encoding lacks
  Newlines newlines = Newlines::universal;             ///< for the input
  LineEnding ending = LineEnding::lf;                  ///< written for each `\n`
  std::size_t line_limit = LineReader::limit_default;  ///< in bytes of text
  /// So many bytes of unread text are kept, in no more than 64 KiB of memory more, unless a
  /// read_line() finds no whole line in them: a line of up to line_limit always has room. The
  /// stream stops reading while the next read of up to 64 KiB might bring more, or, if this is less
  /// than 128 KiB, from half of it on.
  std::size_t unread_max = 2 * LineReader::limit_default;
};

/// What a TextStream calls, as a Stream calls a StreamHandler. Each of these functions may destroy
/// the TextStream. Override on_line to receive the lines, or on_readable to read the text yourself.
class RONDO_EXPORT TextHandler {
 public:
  /// As StreamHandler::on_open().
  virtual void on_open(TextStream&) {}
  /// Text can be read, by read_line(), lines(), read() or read_all(). Called again at once while
  /// each call reads a part and leaves another part that no read has found too short; then when
  /// more text has arrived. By default it reads all lines and calls on_line for each.
  virtual void on_readable(TextStream& text);
  /// A line without its ending; the last line of the input may have none. `line` is valid until
  /// this returns.
  virtual void on_line(TextStream& text, std::string_view line);
  /// A piece of a line longer than line_limit. The rest follows in further pieces, and the last
  /// piece by on_line. By default it skips the rest of the line.
  virtual void on_long_line(TextStream& text, std::string_view piece);
  /// The input is not valid in this encoding (TextErrors::strict), and all text before the error
  /// was read; the input behind it is dropped. By default it closes the stream.
  virtual void on_text_error(TextStream& text, const TextError& error);
  /// The input has ended, and all text was read. By default it closes the stream.
  virtual void on_end(TextStream& text);
  /// As StreamHandler::on_writable(). Counts bytes in the encoding, not text.
  virtual void on_writable(TextStream&) {}
  /// The last call. Text that was received and not read can still be read.
  virtual void on_close(TextStream&, const Close&) {}

 protected:
  ~TextHandler() = default;
};

/// Text over a Stream, whose handler it is. The functions that make one return it with a stream of
/// its own, which is destroyed with it; the constructor takes a stream that another object owns.
/// `handler` outlives it. If the system cannot convert the encoding at that moment (iconv_open
/// fails, for lack of descriptors for example), the stream is aborted, and on_close reports
/// CloseReason::error with that error. Use it on the reactor's thread only.
class RONDO_EXPORT TextStream final : public StreamHandler {
 public:
  /// What lines() returns.
  using Lines = WholeLines<TextStream>;

  /// Connects as rondo::connect() does. Text may be written at once.
  [[nodiscard]] static std::unique_ptr<TextStream> connect(Reactor& reactor,
                                                           std::string_view target,
                                                           TextHandler& handler,
                                                           const TextOptions& options = {},
                                                           const ConnectOptions& connect = {});
  /// As Stream::adopt().
  [[nodiscard]] static Result<std::unique_ptr<TextStream>> adopt(Reactor& reactor, Socket socket,
                                                                 TextHandler& handler,
                                                                 const TextOptions& options = {},
                                                                 const StreamOptions& stream = {});
  /// As Stream::standard_input().
  [[nodiscard]] static Result<std::unique_ptr<TextStream>> standard_input(
      Reactor& reactor, TextHandler& handler, const TextOptions& options = {},
      const StreamOptions& stream = {});
  /// Replaces the handler of `stream`, whose input is text from now on.
  [[nodiscard]] static std::unique_ptr<TextStream> adopt(std::unique_ptr<Stream> stream,
                                                         TextHandler& handler,
                                                         const TextOptions& options = {});
  /// Text over a stream that another object owns, such as a Server or a Reconnector. Does not
  /// become its handler: call stream.set_handler(text), or pass on the calls that you get. Destroy
  /// it before the stream, or after on_close.
  TextStream(Stream& stream, TextHandler& handler, const TextOptions& options = {});
  TextStream(const TextStream&) = delete;
  TextStream& operator=(const TextStream&) = delete;
  ~TextStream();

  /// The stream below. A stream that another object owns may be gone once on_close has returned.
  [[nodiscard]] Stream& stream() const noexcept;
  /// Whether on_close was called. From then on nothing can be written.
  [[nodiscard]] bool is_closed() const noexcept;

  /// Sends text: each `\n` as TextOptions::ending says, the rest in the stream's encoding. It needs
  /// no flush. The result is that of Stream::write. It is also `refused`, and nothing was written,
  /// if output_errors is strict and the encoding lacks a character; write_error() then reports it.
  WriteStatus write(std::string_view text);
  /// The same with a `\n` at the end.
  WriteStatus write_line(std::string_view line);
  /// The error of the last write, if it had one.
  [[nodiscard]] const std::optional<TextError>& write_error() const noexcept;

  // Reading, inside the calls of the handler and outside, without waiting, as LineReader does:
  // after ReadStatus::more, or an empty text, on_readable is called when there is more. What these
  // return is valid until the next of these calls, and at most until the handler's call, or the
  // turn, has ended.

  /// As LineReader::read_line(). `too_long` is a piece of a line above line_limit.
  [[nodiscard]] Line read_line();
  /// As LineReader::read_whole_line().
  [[nodiscard]] Line read_whole_line();
  /// `for (std::string_view line : text.lines())`: the whole lines that have arrived.
  [[nodiscard]] Lines lines() noexcept { return Lines{*this}; }
  /// Up to so many characters of what has arrived. Empty: nothing is left now.
  [[nodiscard]] std::string_view read(std::size_t characters);
  /// All of the text that has arrived.
  [[nodiscard]] std::string_view read_all();
  /// Drops the rest of a line that is too long, or else the next line.
  void skip_line() noexcept;
  /// Bytes of text that were received and not read.
  [[nodiscard]] std::size_t unread() const noexcept;
  /// Whether the input has ended, and all of it was read.
  [[nodiscard]] bool at_end() const noexcept;
  /// Whether a line of the input had such an ending, in the modes universal and kept.
  [[nodiscard]] bool seen(LineEnding ending) const noexcept;

  /// Stops the calls for input until resume(), also for text that was received already. That text
  /// can still be read.
  void pause() noexcept;
  /// Calls the handler for input again, also for text that arrived before.
  void resume() noexcept;

  /// Stream::upgrade(), inside the call for the line that asks for it: STARTTLS. Input behind that
  /// line which has arrived already was not protected: no line of it is reported, the stream ends
  /// with `error`, and the result is protocol_error. A protocol whose lines end with CRLF needs
  /// Newlines::crlf or lf: `universal` reports a line at its CR, and the LF may come later.
  [[nodiscard]] Result<void> upgrade(StreamLayers& layers, std::string_view host = {});

 private:
  friend class TextHandler;
  class Call;
  enum class Input : std::uint8_t { text, error, end };
  enum class Flow : std::uint8_t { reading, held, paused, closed };

  TextStream(std::unique_ptr<Stream> stream, TextHandler& handler, const TextOptions& options);

  void on_open(Stream& stream) override;
  void on_data(Stream& stream, Bytes data) override;
  void on_end(Stream& stream) override;
  void on_resume(Stream& stream) override;
  void on_writable(Stream& stream) override;
  void on_close(Stream& stream, const Close& why) override;

  void check(const char* call) const noexcept;
  void take(std::string_view data);
  [[nodiscard]] std::size_t piece_size(std::size_t left) const noexcept;
  [[nodiscard]] bool refill();
  void add(const Decoded& decoded);
  void feed(const Decoded& decoded);
  void release_memory() noexcept;
  void found_nothing() noexcept;
  void report();
  void report_input(const Call& call);
  void report_text(const Call& call);
  void report_lines();
  [[nodiscard]] bool reports() const noexcept;
  [[nodiscard]] bool holds(std::size_t unread_max) const noexcept;
  [[nodiscard]] std::size_t reading_max() const noexcept;
  void was_read(bool all) noexcept;
  WriteStatus send(const Encoded& encoded);

  TextHandler* handler_;
  std::unique_ptr<Stream> owned_;  // null: another object owns the stream
  Stream* stream_;
  Decoder decoder_;
  LineReader reader_;
  std::string waiting_;  // input that is not decoded yet, since there is no room for its text
  detail::TextOutput output_;
  std::optional<TextError> write_error_;
  std::optional<TextError> input_error_;
  std::unique_ptr<Error> encoding_error_;  // why the stream was aborted at the beginning
  Call* call_ = nullptr;                   // the innermost that is running
  std::size_t unread_max_;
  std::size_t text_per_byte_max_;  // bytes of text that a byte of input may become
  Input received_ = Input::text;
  Input reported_ = Input::text;
  Flow flow_ = Flow::reading;
  std::size_t undecoded_ = 0;  // bytes that follow those that are being reported
  bool is_exhausted_ = false;  // a read found no more in what has arrived
};

/// A session that speaks in text, for serve<S>() as a Session is: override on_line or on_readable.
class RONDO_EXPORT LineSession : public TextHandler {
 public:
  /// With options for the client's text.
  explicit LineSession(const TextOptions& options = {}) : text_(options) {}
  LineSession(const LineSession&) = delete;
  LineSession& operator=(const LineSession&) = delete;
  virtual ~LineSession() = default;

  /// The server drains: finish the work, then close the stream. By default it closes at once.
  virtual void on_drain(TextStream& client) { client.stream().close(); }

  /// The client's text. It exists from on_open on, but not in the constructor.
  [[nodiscard]] TextStream& text() noexcept {
    TextStream* const text = std::get_if<TextStream>(&text_);
    RONDO_REQUIRE(text != nullptr, "LineSession::text",
                  " was called before on_open, when the session has no client yet.");
    return *text;
  }

 private:
  friend StreamHandler& detail::begin(LineSession& session, Stream& client);

  std::variant<TextOptions, TextStream> text_;  // the options until there is a client
};

/// As session_factory() of a Session.
template <typename S, typename... Shared>
  requires std::is_base_of_v<LineSession, S>
[[nodiscard]] SessionFactory session_factory(Shared&... shared) {
  struct Destroy {
    void operator()(S* session) const noexcept { std::destroy_at(session); }
  };
  return {sizeof(S), std::max(alignof(S), alignof(void*)),
          [&shared...](void* where, Stream& client, const Endpoint& peer) -> StreamHandler* {
            std::unique_ptr<S, Destroy> session{detail::make_session<S>(where, peer, shared...)};
            StreamHandler& handler = detail::begin(*session, client);
            (void)session.release();  // the server's now
            return &handler;
          },
          [](void* where, Stream&) {
            auto* const session = static_cast<S*>(where);
            session->on_drain(session->text());
          },
          [](void* where) noexcept { static_cast<S*>(where)->~S(); }};
}

/// All clients share one function, which is called for each line: `on_line(TextStream&, line)`.
template <typename OnLine>
  requires(std::is_invocable_v<OnLine&, TextStream&, std::string_view> &&
           !std::is_invocable_v<OnLine&, Stream&, Bytes>)
[[nodiscard]] SessionFactory session_factory(OnLine on_line) {
  struct Lines final : LineSession {
    explicit Lines(OnLine& function) : on_line_(function) {}
    void on_line(TextStream& client, std::string_view line) override { on_line_(client, line); }
    OnLine& on_line_;
  };
  auto shared = std::make_unique<OnLine>(std::move(on_line));
  SessionFactory factory = session_factory<Lines>(*shared);
  factory.make = [make = std::move(factory.make), shared = std::move(shared)](
                     void* where, Stream& client, const Endpoint& peer) mutable {
    return make(where, client, peer);
  };
  return factory;
}

/// The same in one line.
template <typename OnLine>
  requires(std::is_invocable_v<OnLine&, TextStream&, std::string_view> &&
           !std::is_invocable_v<OnLine&, Stream&, Bytes>)
[[nodiscard]] Result<Server> serve(Reactor& reactor, std::string_view where, OnLine on_line,
                                   const ServerOptions& options = {}) {
  return serve(reactor, where, session_factory(std::move(on_line)), options);
}

/// As serve() with a Session.
template <typename S, typename... Shared>
  requires(std::is_base_of_v<LineSession, S> && (!std::is_same_v<ServerOptions, Shared> && ...))
[[nodiscard]] Result<Server> serve(Reactor& reactor, std::string_view where, Shared&... shared) {
  return serve(reactor, where, session_factory<S>(shared...), ServerOptions{});
}

/// The same with options, which come first if anything is shared.
template <typename S, typename... Shared>
  requires std::is_base_of_v<LineSession, S>
[[nodiscard]] Result<Server> serve(Reactor& reactor, std::string_view where,
                                   const ServerOptions& options, Shared&... shared) {
  return serve(reactor, where, session_factory<S>(shared...), options);
}

}  // namespace rondo
