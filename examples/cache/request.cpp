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
  if (args_left_ > 0) return parse_array(input);
  if (input.empty()) return Progress::incomplete;
  if (input.front() != '*') return parse_line(input);
  at_ = 1;
  bool is_number = false;
  const Progress progress = parse_number(input, args_left_, is_number);
  if (progress == Progress::incomplete) {
    args_left_ = 0;
    return input.size() > line_size_max ? fail("too big mbulk count string") : progress;
  }
  if (!is_number || args_left_ > array_size_max) return fail("invalid multibulk length");
  args_left_ = std::max<std::int64_t>(args_left_, 0);
  return args_left_ == 0 ? Progress::complete : parse_array(input);
}

Progress Request::parse_array(std::string_view input) {
  while (args_left_ > 0) {
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
  }
  return Progress::complete;
}

/// `$3\r\n`. What it is, is looked at when the line is complete.
Progress Request::parse_bulk_size(std::string_view input) {
  const std::size_t begin = at_;
  if (begin == input.size()) return Progress::incomplete;
  ++at_;
  bool is_number = false;
  const Progress progress = parse_number(input, bulk_size_, is_number);
  if (progress == Progress::incomplete) {
    at_ = begin;
    bulk_size_ = unknown;
    return input.size() - begin > line_size_max ? fail("too big bulk count string") : progress;
  }
  if (const char c = input[begin]; c != '$') {
    const char shown = c == '\r' || c == '\n' ? ' ' : c;
    return fail(std::string{"expected '$', got '"} + shown + '\'');
  }
  if (!is_number || bulk_size_ < 0 || bulk_size_ > bulk_size_max)
    return fail("invalid bulk length");
  return progress;
}

/// The number from at_ to the end of its line. Most have few digits, which are read in one go.
Progress Request::parse_number(std::string_view input, std::int64_t& number, bool& is_number) {
  constexpr std::size_t digits_max = 10;
  const char* const begin = input.data() + at_;
  const char* const end = begin + std::min(input.size() - at_, digits_max);
  const char* digit = begin;
  std::int64_t value = 0;
  for (; digit != end && *digit >= '0' && *digit <= '9'; ++digit) value = value * 10 + *digit - '0';
  const std::string_view rest = input.substr(static_cast<std::size_t>(digit - input.data()));
  const bool is_plain = digit != begin && (*begin != '0' || digit == begin + 1);
  if (is_plain && rest.size() >= 2 && rest.front() == '\r') [[likely]] {
    number = value;
    is_number = true;
    at_ = input.size() - rest.size() + 2;
    return Progress::complete;
  }
  // The byte before is looked at, too: it may itself be the end of the line.
  const std::string_view line = input.substr(at_ - 1);
  const std::size_t size = find_before_zero(line, '\r');
  if (size == line.npos || size + 2 > line.size()) return Progress::incomplete;
  const auto parsed = parse_integer(line.substr(std::min<std::size_t>(size, 1), size - (size > 0)));
  is_number = parsed.has_value();
  number = parsed.value_or(0);
  at_ += size + 1;
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
