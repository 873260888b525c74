// SPDX-License-Identifier: MIT
// cache: the patterns of KEYS, SCAN and PSUBSCRIBE.
#pragma once

#include <string_view>

namespace cache {

/// `*`, `?`, `[a-z]`, `[^a]`, and `\` before a character that is meant as it is. An open bracket
/// without its end ends with the pattern. As in Redis, only an empty pattern matches an empty text.
inline bool matches_class(std::string_view& pattern, char c) noexcept {
  const bool is_negated = pattern.starts_with('^');
  if (is_negated) pattern.remove_prefix(1);
  bool found = false;
  while (!pattern.empty()) {
    if (pattern.front() == '\\' && pattern.size() >= 2) {
      found = found || pattern[1] == c;
      pattern.remove_prefix(2);
    } else if (pattern.front() == ']') {
      pattern.remove_prefix(1);
      break;
    } else if (pattern.size() >= 3 && pattern[1] == '-') {
      const char first = pattern[0];
      const char last = pattern[2];
      found = found || (first <= c && c <= last) || (last <= c && c <= first);
      pattern.remove_prefix(3);
    } else {
      found = found || pattern.front() == c;
      pattern.remove_prefix(1);
    }
  }
  return found != is_negated;
}

/// Whether `c` is matched by the first part of `pattern`, which is no star; takes that part off.
inline bool matches_one(std::string_view& pattern, char c) noexcept {
  char wanted = pattern.front();
  pattern.remove_prefix(1);
  if (wanted == '?') return true;
  if (wanted == '[') return matches_class(pattern, c);
  if (wanted == '\\' && !pattern.empty()) {
    wanted = pattern.front();
    pattern.remove_prefix(1);
  }
  return wanted == c;
}

/// If a part does not match, the last star takes one character more. Earlier stars need not be
/// tried again, so the time is bounded by the product of the two sizes.
inline bool matches(std::string_view pattern, std::string_view text) noexcept {
  if (text.empty()) return pattern.empty();
  bool has_star = false;
  std::string_view after_star;
  std::string_view rest;  // behind what the star has taken of the text
  while (!text.empty()) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      has_star = true;
      after_star = pattern;
      rest = text;
    } else if (!pattern.empty() && matches_one(pattern, text.front())) {
      text.remove_prefix(1);
    } else if (has_star) {
      rest.remove_prefix(1);
      text = rest;
      pattern = after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*') == pattern.npos;
}

}  // namespace cache
