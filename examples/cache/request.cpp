// SPDX-License-Identifier: MIT
// Two forms, told apart by the first byte of a request:
//
//     *2\r\n$3\r\nGET\r\n$1\r\nx\r\n     an array: its size, then the size and the bytes of each
//     GET x\r\n                          a line of words, perhaps in quotes
//
// The errors, and what is forgiven, are those of redis-server 7.0: the two bytes behind a string
// are skipped unread, and a zero byte in a line ends what is searched.
#include "request.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <limits>

#include "number.h"

namespace cache {
namespace {

constexpr std::int64_t array_size_max = std::numeric_limits<std::int32_t>::max();

/// The position of `wanted` in `text`, npos if there is none before the first zero byte.
std::size_t find_before_zero(std::string_view text, char wanted) noexcept {
  const std::size_t at = text.find(wanted);
  return text.substr(0, at).find('\0') == text.npos ? at : text.npos;
}

/// A header as nearly all are: its type, and a size of up to three digits. Returns what follows.
/// Null: it is something else, or not whole yet. More bytes than the shortest has follow it in any
/// request, at least the end of an empty string.
inline const char* read_header(char type, const char* at, const char* end,
                               std::int64_t& size) noexcept {
  constexpr std::ptrdiff_t size_min = 6;  // `$0\r\n\r\n`, or `$999\r\n`
  if (end - at < size_min || *at != type) return nullptr;
  std::int64_t value = 0;
  for (int i = 1; i <= 3; ++i) {
    const auto digit = static_cast<unsigned>(at[i] - '0');
    const bool has_leading_zero = i > 1 && value == 0;
    if (digit > 9 || has_leading_zero) return nullptr;
    value = value * 10 + digit;
    if (at[i + 1] != '\r') continue;
    size = value;
    return at + i + 3;
  }
  return nullptr;
}

/// What is before the carriage return, or, if that comes first, the byte itself; empty: it has not
/// come, with the byte behind it.
std::string_view line_of(std::string_view input) noexcept {
  const std::size_t size = find_before_zero(input, '\r');
  if (size == input.npos || size + 2 > input.size()) return {};
  return input.substr(0, std::max<std::size_t>(size, 1));
}

bool is_space(char c) noexcept { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool ends_word(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

char escaped(char c) noexcept {
  constexpr std::string_view names = "nrtba";
  constexpr std::string_view meant = "\n\r\t\b\a";
  const std::size_t at = names.find(c);
  return at == names.npos ? c : meant[at];
}

/// Takes one word from the front of `line`, which is neither empty nor begins with a space, and
/// appends it to `word`. False if its quotes are wrong.
bool take_word(std::string_view& line, std::string& word) {
  char quote = '\0';
  for (; !line.empty(); line.remove_prefix(1)) {
    const char c = line.front();
    if (quote == '\0' && ends_word(c)) return true;
    if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    } else if (quote != '\0' && c == quote) {
      line.remove_prefix(1);
      return line.empty() || is_space(line.front());
    } else if (quote == '"' && c == '\\' && line.size() >= 4 && line[1] == 'x' &&
               hex_digit(line[2]) >= 0 && hex_digit(line[3]) >= 0) {
      word += static_cast<char>(hex_digit(line[2]) * 16 + hex_digit(line[3]));
      line.remove_prefix(3);
    } else if (quote == '"' && c == '\\' && line.size() >= 2) {
      word += escaped(line[1]);
      line.remove_prefix(1);
    } else if (quote == '\'' && line.starts_with("\\'")) {
      word += '\'';
      line.remove_prefix(1);
    } else {
      word += c;
    }
  }
  return quote == '\0';
}

}  // namespace

/// Takes strings that are whole, up to the first that is not, or whose size is an unusual one.
inline void Request::take_plain_args(std::string_view input) {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  const char* at = begin + at_;
  std::int64_t left = args_left_;
  for (; left > 0; --left) {
    std::int64_t size = 0;
    const char* const text = read_header('$', at, end, size);
    if (text == nullptr || end - text - 2 < size) break;
    args_.emplace_back(text, static_cast<std::size_t>(size));
    at = text + size + 2;
  }
  args_left_ = left;
  at_ = static_cast<std::size_t>(at - begin);
}

Progress Request::parse(std::string_view input) {
  if (args_left_ > 0) return parse_args(input);
  if (input.empty()) return Progress::incomplete;
  const char* const begin = input.data();
  if (*begin != '*') return parse_line(input);
  const char* const at = read_header('*', begin, begin + input.size(), args_left_);
  if (at == nullptr) [[unlikely]]
    return parse_array_size(input);
  at_ = static_cast<std::size_t>(at - begin);
  take_plain_args(input);
  return args_left_ == 0 ? Progress::complete : parse_args(input);
}

Progress Request::parse_args(std::string_view input) {
  for (;;) {
    if (bulk_size_ == unknown) take_plain_args(input);
    if (args_left_ == 0) [[likely]]
      return Progress::complete;
    if (const Progress progress = parse_arg(input); progress != Progress::complete) return progress;
  }
}

/// Any string, which may come in pieces.
Progress Request::parse_arg(std::string_view input) {
  if (bulk_size_ == unknown) {
    const Progress progress = parse_bulk_size(input);
    if (progress != Progress::complete) return progress;
  }
  const auto size = static_cast<std::size_t>(bulk_size_);
  if (input.size() - at_ < size + 2) return Progress::incomplete;
  args_.push_back(input.substr(at_, size));
  at_ += size + 2;
  bulk_size_ = unknown;
  --args_left_;
  return Progress::complete;
}

/// `*2\r\n`, or anything else. Requests of no argument are allowed; there is nothing to do for
/// them.
Progress Request::parse_array_size(std::string_view input) {
  const std::string_view line = line_of(input);
  if (line.empty())
    return input.size() > line_size_max ? fail("too big mbulk count string") : Progress::incomplete;
  const auto size = parse_integer(line.substr(1));
  if (!size || *size > array_size_max) return fail("invalid multibulk length");
  args_left_ = std::max<std::int64_t>(*size, 0);
  at_ = line.size() + 2;
  return parse_args(input);
}

/// `$3\r\n`, or anything else, which is looked at when the line is complete.
Progress Request::parse_bulk_size(std::string_view input) {
  bulk_size_ = unknown;
  input.remove_prefix(at_);
  const std::string_view line = line_of(input);
  if (line.empty())
    return input.size() > line_size_max ? fail("too big bulk count string") : Progress::incomplete;
  if (line.front() != '$') {
    const char c = line.front() == '\r' || line.front() == '\n' ? ' ' : line.front();
    return fail(std::string{"expected '$', got '"} + c + '\'');
  }
  const auto size = parse_integer(line.substr(1));
  if (!size || *size < 0 || *size > bulk_size_max) return fail("invalid bulk length");
  bulk_size_ = *size;
  at_ += line.size() + 2;
  return Progress::complete;
}

Progress Request::parse_line(std::string_view input) {
  // What was searched before has no end of line.
  const std::size_t end = find_before_zero(input.substr(at_), '\n');
  const std::size_t size = end == input.npos ? input.size() : at_ + end;
  if (size > line_size_max) return fail("too big inline request");
  if (end == input.npos) {
    if (input.find('\0', at_) == input.npos) at_ = size;
    return Progress::incomplete;
  }
  at_ = size + 1;
  std::string_view line = input.substr(0, size);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return parse_words(line) ? Progress::complete : fail("unbalanced quotes in request");
}

bool Request::parse_words(std::string_view line) {
  words_.clear();
  words_.reserve(line.size());  // no word is longer than what it is written as: the views stay
  for (;;) {
    line.remove_prefix(static_cast<std::size_t>(
        std::find_if_not(line.begin(), line.end(), is_space) - line.begin()));
    if (line.empty()) return true;
    const std::size_t begin = words_.size();
    if (!take_word(line, words_)) return false;
    args_.push_back(std::string_view{words_}.substr(begin));
  }
}

void Request::moved(const char* from, const char* to) noexcept {
  for (std::string_view& arg : args_) arg = {to + (arg.data() - from), arg.size()};
}

Progress Request::fail(std::string_view why) {
  error_.assign("Protocol error: ").append(why);
  return Progress::malformed;
}

}  // namespace cache
