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

/// A number of up to nine digits, and the end of its line, as nearly all are: returns what follows.
/// Null: it is something else, or not whole yet.
inline const char* read_plain(const char* at, const char* end, std::int64_t& number) noexcept {
  constexpr std::ptrdiff_t digits_max = 9;
  if (at >= end || *at < '0' || *at > '9') return nullptr;
  const char* const begin = at;
  std::int64_t value = *at++ - '0';
  const char* const limit = at + std::min(end - at, digits_max - 1);
  for (; at != limit && *at >= '0' && *at <= '9'; ++at) value = value * 10 + *at - '0';
  if (end - at < 2 || *at != '\r' || (*begin == '0' && at != begin + 1)) return nullptr;
  number = value;
  return at + 2;
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

Progress Request::parse(std::string_view input) {
  if (args_left_ > 0) return parse_args(input);
  if (input.empty()) return Progress::incomplete;
  const char* const begin = input.data();
  if (*begin != '*') return parse_line(input);
  const char* const at = read_plain(begin + 1, begin + input.size(), args_left_);
  if (at == nullptr) [[unlikely]]
    return parse_array_size(input);
  at_ = static_cast<std::size_t>(at - begin);
  return parse_args(input);
}

inline Progress Request::parse_args(std::string_view input) {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  for (const char* at = begin + at_; args_left_ > 0; --args_left_) {
    if (bulk_size_ == unknown) {
      const bool is_bulk = at < end && *at == '$';
      const char* const behind = is_bulk ? read_plain(at + 1, end, bulk_size_) : nullptr;
      if (behind != nullptr && bulk_size_ <= bulk_size_max) [[likely]] {
        at = behind;
      } else {
        const Progress progress = parse_bulk_size(input);
        if (progress != Progress::complete) return progress;
        at = begin + at_;
      }
    }
    at_ = static_cast<std::size_t>(at - begin);
    if (end - at < bulk_size_ + 2) return Progress::incomplete;
    args_.emplace_back(at, static_cast<std::size_t>(bulk_size_));
    at += bulk_size_ + 2;
    at_ = static_cast<std::size_t>(at - begin);
    bulk_size_ = unknown;
  }
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
