// rondo: lines out of text that comes in pieces, with any line ending and a limit; and line endings
// for text that goes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>

#include <rondo/export.h>
#include <rondo/input_buffer.h>

namespace rondo {

/// What ends a line of the input, as newline= of Python's io.TextIOWrapper.
enum class Newlines : std::uint8_t {
  universal,  ///< None: LF, CR or CRLF; read as LF
  kept,       ///< '': the same three, read as they are
  lf,         ///< '\n' alone; a CR is text
  crlf,       ///< '\r\n' alone
  cr,         ///< '\r' alone
};

enum class LineEnding : std::uint8_t { lf, crlf, cr };

/// Appends `text` to `out`, with `ending` in the place of each LF. A CR is left alone, so CRLF in
/// becomes CRCRLF out with `crlf`, as in Python.
RONDO_EXPORT void append_lines(std::string& out, std::string_view text, LineEnding ending);

template <typename Source>
class WholeLines;

/// The answer of LineReader::read_line. As a string_view it is the text without its ending.
struct Line {
  ReadStatus state = ReadStatus::more;  ///< never `incomplete`: what is left at the end is a line
  std::string_view text{};              ///< without its ending
  std::string_view ending{};  ///< as Python leaves it at the end of the line: LF for `universal`

  /// Whether it is a line, or the last piece of one.
  explicit operator bool() const noexcept { return state == ReadStatus::ready; }
  // NOLINTNEXTLINE(google-explicit-constructor): for (std::string_view line : reader.lines())
  operator std::string_view() const noexcept { return text; }
};

/// Text in, lines out: whole ones, pieces of those longer than the limit, or so many characters.
/// What is returned lives until the next call. Time is linear in the text, however it is cut; a
/// line that lies within one chunk is not copied, and memory is reused.
class RONDO_EXPORT LineReader {
 public:
  static constexpr std::size_t limit_default = std::size_t{64} << 10U;

  using Lines = WholeLines<LineReader>;

  /// `limit`: bytes of a line without its ending, at least 1. A line of `limit` bytes is whole.
  explicit LineReader(Newlines newlines = Newlines::universal, std::size_t limit = limit_default);

  /// Lends a chunk of text, of whole characters, as Decoder gives it. It lives until read_line()
  /// has said `more`, or until keep(). Nothing is bounded by this call: who feeds and does not take
  /// sees it in buffered().
  void feed(std::string_view chunk);
  /// Copies what was fed and not taken, so that the chunk may go.
  void keep() { input_.keep(); }
  /// The input has ended: what is left without an ending is a line too. No more is fed.
  void finish() noexcept { ended_ = true; }
  /// The start of another text: nothing is left of this one.
  void reset() noexcept;
  /// A CR that is the last of what has arrived ends its line now, without waiting for a LF that
  /// would belong to it. One that is fed later is a line ending of its own.
  void flush() noexcept { flushed_ = true; }

  /// The next line. `too_long`: the first `limit` bytes (or up to three fewer, not to cut a
  /// character) of a longer one; the next calls give the pieces that follow, the last of them with
  /// `ready`, or call skip_line(). `more`: no line is whole yet. `end`: finish() was called and
  /// nothing is left.
  [[nodiscard]] Line read_line();
  /// The same, but a line that is too long stays where it is, `text` empty: read_line() gives it.
  [[nodiscard]] Line read_whole_line();
  /// Drops what comes, now and later, up to and with the next line ending.
  void skip_line() noexcept { skipping_ = true; }
  /// The whole lines that are here: `for (std::string_view line : reader.lines())`. Stops at one
  /// that is too long, of which read_line() tells next. Each lives until the next step.
  [[nodiscard]] Lines lines() noexcept;
  /// Up to so many characters (code points) of what is here, with line endings as the mode reads
  /// them, whatever the limit. Empty: nothing is here. Like Python's, it does not look at a CR that
  /// still waits for its LF.
  [[nodiscard]] std::string_view read(std::size_t characters);
  /// All of what is here, and after finish() all that was left.
  [[nodiscard]] std::string_view read_all() {
    return read(std::numeric_limits<std::size_t>::max());
  }

  /// Whether finish() was called and everything was taken.
  [[nodiscard]] bool at_end() const noexcept { return ended_ && input_.size() == 0; }
  /// Bytes fed and not taken.
  [[nodiscard]] std::size_t buffered() const noexcept { return input_.size(); }
  /// Whether what was taken or skipped so far had such an ending: only for `universal` and `kept`.
  [[nodiscard]] bool seen(LineEnding ending) const noexcept;

 private:
  [[nodiscard]] bool any_ending() const noexcept { return newlines_ <= Newlines::kept; }
  [[nodiscard]] bool find_ending() noexcept;
  [[nodiscard]] bool find_any_ending() noexcept;
  [[nodiscard]] Line look();
  void take(Line& line) noexcept;
  [[nodiscard]] bool skip() noexcept;
  void see(std::string_view ending) noexcept;
  void drop(std::size_t size) noexcept;
  [[nodiscard]] std::size_t measure(std::string_view text, std::size_t characters,
                                    bool& translates) noexcept;

  detail::InputBuffer input_;
  detail::Delimiter delimiter_;
  std::string translated_;
  std::size_t limit_;
  std::size_t scanned_ = 0;  // so many bytes from the front on hold no ending but, at the end,
  std::size_t matched_ = 0;  // so many bytes of one; that one is whole: matched_ is its size
  Newlines newlines_;
  std::uint8_t seen_ = 0;  // one bit a LineEnding
  bool ended_ = false;
  bool flushed_ = false;
  bool skipping_ = false;
  bool took_cr_ = false;  // read() took a CR and left its LF
};

/// An input range of the whole lines that are here, taken from the source one by one.
template <typename Source>
class WholeLines {
 public:
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Line;
    using difference_type = std::ptrdiff_t;

    Iterator() noexcept = default;
    explicit Iterator(Source& source) : source_(&source) { ++*this; }

    const Line& operator*() const noexcept { return line_; }
    const Line* operator->() const noexcept { return &line_; }
    Iterator& operator++() {
      line_ = source_->read_whole_line();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& one, std::default_sentinel_t) noexcept {
      return !one.line_;
    }

   private:
    Source* source_ = nullptr;
    Line line_;
  };

  explicit WholeLines(Source& source) noexcept : source_(&source) {}
  [[nodiscard]] Iterator begin() const { return Iterator{*source_}; }
  [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }

 private:
  Source* source_;
};

inline LineReader::Lines LineReader::lines() noexcept { return Lines{*this}; }

}  // namespace rondo
