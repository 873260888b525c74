// SPDX-License-Identifier: MIT
// LineReader: splits the text of an InputBuffer into lines.
//
// scanned_ is how far the first line was searched for its ending, so that no byte is searched
// twice, however the text is cut. With one kind of ending Delimiter searches, and matched_ is how
// many bytes of the ending stand before scanned_. With all three kinds, scanned_ stops before the
// first CR or LF, and matched_ is the size of the ending there. In both cases `text_size` below
// counts the bytes that certainly belong to the line's text.
//
// A CR at the end of the text so far may be the first half of a CRLF. With `universal` it ends its
// line at once, since the peer may wait for an answer to it; awaits_lf_ then drops a LF that is fed
// next. With `kept`, where the ending is part of what is read, matched_ is 0 until more is fed.
//
//   universal, kept:   text text text | CR LF | ...     scanned_ at |, matched_ 2
//   lf, crlf, cr:      text text text CR LF | ...       scanned_ at |, matched_ 2
//
// look() returns the result of read_line() and removes nothing, so that read_whole_line() can stop
// before a line that is too long. take() then removes the line; its bytes stay where they are.
#include <algorithm>
#include <cstring>
#include <utility>

#include <rondo/assert.h>
#include <rondo/lines.h>

#include "spare.h"
#include "utf.h"

namespace rondo {
namespace {

constexpr std::size_t character_max = 4;  // bytes of one in UTF-8

constexpr std::string_view spelled(LineEnding ending) noexcept {
  switch (ending) {
    case LineEnding::crlf:
      return "\r\n";
    case LineEnding::cr:
      return "\r";
    case LineEnding::lf:
      break;
  }
  return "\n";
}

constexpr std::string_view delimiter_of(Newlines newlines) noexcept {
  if (newlines == Newlines::crlf) return spelled(LineEnding::crlf);
  if (newlines == Newlines::cr) return spelled(LineEnding::cr);
  return spelled(LineEnding::lf);
}

bool is_break(char c) noexcept { return c == '\n' || c == '\r'; }

/// The index of the first CR or LF from `at` on, or the size. It examines eight bytes at a time.
/// has_zero is exact for the whole word: without a zero byte, no byte borrows from the next.
std::size_t find_break(std::string_view text, std::size_t at) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t tops = 0x8080808080808080U;
  const auto has_zero = [](std::uint64_t word) { return ((word - ones) & ~word & tops) != 0; };
  for (; text.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof(word));
    if (has_zero(word ^ (ones * '\n')) || has_zero(word ^ (ones * '\r'))) break;
  }
  while (at < text.size() && !is_break(text[at])) ++at;
  return at;
}

}  // namespace

void append_lines(std::string& out, std::string_view text, LineEnding ending) {
  if (ending == LineEnding::lf) {
    out.append(text);
    return;
  }
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n')) {
    out.append(text.substr(0, at)).append(spelled(ending));
    text.remove_prefix(at + 1);
  }
  out.append(text);
}

LineReader::LineReader(Newlines newlines, std::size_t limit, std::size_t memory_max)
    : input_(memory_max),
      delimiter_(std::string{delimiter_of(newlines)}),
      limit_(std::max<std::size_t>(limit, 1)),
      newlines_(newlines) {
  RONDO_REQUIRE(limit > 0, "LineReader", " needs a line limit above 0.");
}

void LineReader::reset() noexcept {
  input_.clear();
  scanned_ = 0;
  matched_ = 0;
  seen_ = 0;
  ended_ = false;
  flushed_ = false;
  skipping_ = false;
  took_cr_ = false;
  awaits_lf_ = false;
}

void LineReader::feed(std::string_view chunk) {
  RONDO_REQUIRE(!ended_, "LineReader::feed", " was called after finish(). Call reset() first.");
  if (awaits_lf_ && chunk.starts_with('\n')) {
    awaits_lf_ = false;
    see("\r\n");
    chunk.remove_prefix(1);
  }
  input_.lend(chunk);
  if (chunk.empty()) return;
  end_cr();
  flushed_ = false;
}

void LineReader::finish() noexcept {
  end_cr();
  ended_ = true;
}

void LineReader::flush() noexcept {
  end_cr();
  flushed_ = true;
}

void LineReader::release_memory() noexcept {
  input_.release_memory();
  detail::release_spare(translated_);
}

bool LineReader::seen(LineEnding ending) const noexcept {
  return (seen_ >> static_cast<unsigned>(ending) & 1U) != 0;
}

void LineReader::see(std::string_view ending) noexcept {
  auto kind = LineEnding::lf;
  if (ending.front() == '\r') kind = ending.size() == 2 ? LineEnding::crlf : LineEnding::cr;
  const bool is_second_half = took_cr_ && kind == LineEnding::lf;
  took_cr_ = false;
  if (!is_second_half) seen_ |= static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind));
}

/// `is_last`: the ending is the last that was fed.
void LineReader::end_line(std::string_view ending, bool is_last) noexcept {
  const bool is_half =
      is_last && ending == "\r" && newlines_ == Newlines::universal && !ended_ && !flushed_;
  if (is_half) {
    awaits_lf_ = true;
  } else {
    see(ending);
  }
}

/// The last CR was an ending of its own.
void LineReader::end_cr() noexcept {
  if (std::exchange(awaits_lf_, false)) see("\r");
}

bool LineReader::find_any_ending() noexcept {
  const std::string_view first = input_.kept();
  if (scanned_ < first.size()) scanned_ = find_break(first, scanned_);
  if (scanned_ >= first.size()) {
    scanned_ = first.size() + find_break(input_.lent(), scanned_ - first.size());
  }
  if (scanned_ == input_.size()) return false;
  const bool is_last = scanned_ + 1 == input_.size();
  if (input_[scanned_] == '\n') {
    matched_ = 1;
  } else if (is_last) {
    matched_ = ended_ || flushed_ || newlines_ == Newlines::universal ? 1 : 0;
  } else {
    matched_ = input_[scanned_ + 1] == '\n' ? 2 : 1;
  }
  return matched_ > 0;
}

bool LineReader::find_ending() noexcept {
  if (any_ending()) return find_any_ending();
  return input_.find(delimiter_, scanned_, matched_);
}

void LineReader::drop(std::size_t size) noexcept {
  const std::size_t text = any_ending() ? scanned_ : scanned_ - matched_;
  if (size <= text) {
    scanned_ -= size;
  } else {
    scanned_ = 0;
    matched_ = 0;
  }
  input_.drop(size);
}

bool LineReader::skip() noexcept {
  const bool found = find_ending();
  std::size_t size = any_ending() ? scanned_ : scanned_ - matched_;
  if (size > 0) took_cr_ = false;
  if (found) {
    const bool is_crlf = matched_ == 2;
    size += matched_;
    if (any_ending()) {
      end_line(is_crlf ? "\r\n" : input_[scanned_] == '\r' ? "\r" : "\n", size == input_.size());
    }
  } else if (ended_) {
    size = input_.size();
  }
  drop(size);
  skipping_ = !found && !ended_;
  return !skipping_;
}

Line LineReader::look() {
  if (skipping_ && !skip()) {
    input_.keep();
    return {ReadStatus::more};
  }
  const bool found = find_ending();
  const std::size_t text_size = any_ending() ? scanned_ : scanned_ - matched_;
  if (text_size > limit_) {
    std::size_t size = limit_;
    while (size > 0 && limit_ - size < character_max - 1 && detail::is_continuation(input_[size]))
      --size;
    if (size == 0 || detail::is_continuation(input_[size])) size = limit_;
    return {ReadStatus::too_long, input_.front(size)};
  }
  if (found) {
    const std::string_view whole = input_.front(text_size + matched_);
    return {ReadStatus::ready, whole.substr(0, text_size), whole.substr(text_size)};
  }
  if (!ended_) {
    input_.keep();
    return {ReadStatus::more};
  }
  if (input_.size() == 0) return {ReadStatus::end};
  // The rest may be a text of `limit` bytes and half an ending, which is text as well.
  if (input_.size() > limit_) return {ReadStatus::too_long, input_.front(limit_)};
  return {ReadStatus::ready, input_.front(input_.size())};
}

void LineReader::take(Line& line) noexcept {
  if (!line.text.empty()) took_cr_ = false;
  const std::size_t size = line.text.size() + line.ending.size();
  if (any_ending() && !line.ending.empty()) end_line(line.ending, size == input_.size());
  drop(size);
  if (newlines_ == Newlines::universal && !line.ending.empty()) line.ending = "\n";
}

Line LineReader::read_line() {
  Line line = look();
  take(line);
  return line;
}

Line LineReader::read_whole_line() {
  Line line = look();
  if (line.status == ReadStatus::too_long) return {ReadStatus::too_long};
  take(line);
  return line;
}

/// The size in bytes of the first `characters` characters. Records the endings among them.
std::size_t LineReader::measure(std::string_view text, std::size_t characters,
                                bool& translates) noexcept {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (detail::is_continuation(c)) continue;
    if (characters == 0) break;
    --characters;
    if (!any_ending() || !is_break(c)) {
      took_cr_ = false;
      continue;
    }
    const bool before_lf = c == '\r' && at + 1 < text.size() && text[at + 1] == '\n';
    end_line(before_lf ? text.substr(at, 2) : text.substr(at, 1), at + 1 == text.size());
    if (c == '\r' && newlines_ == Newlines::universal) translates = true;
    if (!before_lf) continue;
    if (newlines_ == Newlines::universal) {
      ++at;  // one character of the two
    } else {
      took_cr_ = true;
    }
  }
  return at;
}

std::string_view LineReader::read(std::size_t characters) {
  if (skipping_ && !skip()) return {};
  std::size_t size = input_.size();
  const bool held_back = newlines_ == Newlines::kept && !ended_ && !flushed_;
  if (size > 0 && held_back && input_[size - 1] == '\r') --size;
  const std::string_view here = input_.front(size);
  bool translates = false;
  const std::string_view taken = here.substr(0, measure(here, characters, translates));
  drop(taken.size());
  if (!translates) return taken;
  translated_.clear();
  for (std::size_t at = 0; at < taken.size(); ++at) {
    const bool before_lf = taken[at] == '\r' && taken.substr(at + 1).starts_with('\n');
    if (!before_lf) translated_.push_back(taken[at] == '\r' ? '\n' : taken[at]);
  }
  return translated_;
}

}  // namespace rondo
