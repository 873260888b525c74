// SPDX-License-Identifier: MIT
// rondo: splits text that arrives in pieces into lines, with any line ending and a limit; and
// writes line endings.
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
  universal,  ///< None: LF, CR or CRLF; read as LF. A line ends at its CR, without waiting for more
  kept,       ///< "": the same three, read as they are
  lf,         ///< `\n` alone; a CR is text
  crlf,       ///< `\r\n` alone
  cr,         ///< `\r` alone
};

/// A line ending, as bytes: `\n`, `\r\n` or `\r`.
enum class LineEnding : std::uint8_t {
  lf,    ///< Unix
  crlf,  ///< Internet protocols, Windows
  cr,    ///< old Macs
};

/// Appends `text` to `out`, with each LF replaced by `ending`. A CR is not changed, so with `crlf`
/// a CRLF in `text` becomes CRCRLF, as in Python.
RONDO_EXPORT void append_lines(std::string& out, std::string_view text, LineEnding ending);

template <typename Source>
class WholeLines;

/// The result of LineReader::read_line. As a string_view it is the text without its ending.
struct Line {
  ReadStatus status = ReadStatus::more;  ///< never `incomplete`: what is left at the end is a line
  std::string_view text{};               ///< without its ending
  std::string_view ending{};  ///< as Python leaves it at the end of a line: LF for `universal`

  /// Whether it is a line, or the last piece of one.
  explicit operator bool() const noexcept { return status == ReadStatus::ready; }
  /// The text, so that a Line can be passed as such.
  // NOLINTNEXTLINE(google-explicit-constructor): for (std::string_view line : reader.lines())
  operator std::string_view() const noexcept { return text; }
};

/// Splits text into lines. Lines longer than the limit are returned in pieces; text can also be
/// read by the number of characters. What a function returns is valid until the next call. Time is
/// linear in the size of the text, however it is cut. A line within one chunk is not copied, and
/// memory is reused.
class RONDO_EXPORT LineReader {
 public:
  /// The limit of a line, if the caller gives none: 64 KiB.
  static constexpr std::size_t limit_default = std::size_t{64} << 10U;

  /// What lines() returns.
  using Lines = WholeLines<LineReader>;

  /// `limit`: bytes of a line without its ending, at least 1. A line of `limit` bytes is whole.
  /// `memory_max`: memory does not grow beyond it as long as no more was fed and not read.
  explicit LineReader(Newlines newlines = Newlines::universal, std::size_t limit = limit_default,
                      std::size_t memory_max = unlimited);

  /// Lends a chunk of text, of whole characters, as Decoder returns it. The chunk must live until
  /// read_line() has returned `more`, or until keep(). This call has no limit: the caller feeds no
  /// more when buffered() is too large.
  void feed(std::string_view chunk);
  /// Copies what was fed and not read, so that the chunk is not needed any more.
  void keep() { input_.keep(); }
  /// The input has ended: the rest without an ending is a line too. Do not feed any more.
  void finish() noexcept;
  /// Begins another text. All of this one is dropped.
  void reset() noexcept;
  /// If the text so far ends with a CR, it ends its line now, and a LF that is fed later is a line
  /// ending of its own. For `kept`, which otherwise waits for the LF of a CRLF.
  void flush() noexcept;
  /// Gives memory back that is not needed now. What was returned before is not valid any more.
  void release_memory() noexcept;

  /// The next line. `too_long`: the first `limit` bytes of a longer line, or up to three fewer so
  /// that no character is cut; the next calls return the following pieces, and the last with
  /// `ready`, unless skip_line() is called. `more`: no whole line has arrived. `end`: finish() was
  /// called and nothing is left.
  [[nodiscard]] Line read_line();
  /// The same, but does not read a line that is too long: `text` is empty, and read_line() returns
  /// its first piece.
  [[nodiscard]] Line read_whole_line();
  /// Drops everything up to and including the next line ending, also if that is fed later.
  void skip_line() noexcept { skipping_ = true; }
  /// The whole lines that were fed: `for (std::string_view line : reader.lines())`. Stops before a
  /// line that is too long, whose first piece read_line() then returns. Each line is valid until
  /// the next step.
  [[nodiscard]] Lines lines() noexcept;
  /// Up to so many characters (code points) of what was fed, with line endings as the mode reads
  /// them. The limit does not apply. Empty: nothing is left. With `kept`, as in Python, a CR that
  /// still waits for its LF is not returned.
  [[nodiscard]] std::string_view read(std::size_t characters);
  /// All of what was fed, and after finish() all that was left.
  [[nodiscard]] std::string_view read_all() {
    return read(std::numeric_limits<std::size_t>::max());
  }

  /// Whether finish() was called and everything was read.
  [[nodiscard]] bool at_end() const noexcept { return ended_ && input_.size() == 0; }
  /// Bytes that were fed and not read.
  [[nodiscard]] std::size_t buffered() const noexcept { return input_.size(); }
  /// Whether the text read or skipped so far had such an ending. Only for `universal` and `kept`. A
  /// CR at the end of what was fed counts when it is known whether a LF follows.
  [[nodiscard]] bool seen(LineEnding ending) const noexcept;

 private:
  [[nodiscard]] bool any_ending() const noexcept { return newlines_ <= Newlines::kept; }
  [[nodiscard]] bool find_ending() noexcept;
  [[nodiscard]] bool find_any_ending() noexcept;
  [[nodiscard]] Line look();
  void take(Line& line) noexcept;
  [[nodiscard]] bool skip() noexcept;
  void see(std::string_view ending) noexcept;
  void end_line(std::string_view ending, bool is_last) noexcept;
  void end_cr() noexcept;
  void drop(std::size_t size) noexcept;
  [[nodiscard]] std::size_t measure(std::string_view text, std::size_t characters,
                                    bool& translates) noexcept;

  InputBuffer input_;
  detail::Delimiter delimiter_;
  std::string translated_;
  std::size_t limit_;
  std::size_t scanned_ = 0;  // bytes at the front that were searched for an ending
  std::size_t matched_ = 0;  // bytes of an ending found there; see lines.cpp
  Newlines newlines_;
  std::uint8_t seen_ = 0;  // one bit for each LineEnding
  bool ended_ = false;
  bool flushed_ = false;
  bool skipping_ = false;
  bool took_cr_ = false;    // read() has returned a CR without its LF
  bool awaits_lf_ = false;  // a line has ended with the last CR that was fed: a LF belongs to it
};

/// An input range of the whole lines that `Source` has, read one by one.
template <typename Source>
class WholeLines {
 public:
  /// Goes from line to line; each step reads one.
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Line;
    using difference_type = std::ptrdiff_t;

    Iterator() noexcept = default;
    /// Reads the first line.
    explicit Iterator(Source& source) : source_(&source) { ++*this; }

    /// The line, valid until the next step.
    const Line& operator*() const noexcept { return line_; }
    /// The line, valid until the next step.
    const Line* operator->() const noexcept { return &line_; }
    /// Reads the next line.
    Iterator& operator++() {
      line_ = source_->read_whole_line();
      return *this;
    }
    /// Reads the next line.
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& one, std::default_sentinel_t) noexcept {
      return !one.line_;
    }

   private:
    Source* source_ = nullptr;
    Line line_;
  };

  /// `source` must outlive it.
  explicit WholeLines(Source& source) noexcept : source_(&source) {}
  /// Reads the first line. Call it once.
  [[nodiscard]] Iterator begin() const { return Iterator{*source_}; }
  /// Reached when no whole line is left.
  [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }

 private:
  Source* source_;
};

inline LineReader::Lines LineReader::lines() noexcept { return Lines{*this}; }

}  // namespace rondo
