// SPDX-License-Identifier: MIT
#include "replies.h"

#include <strings.h>

#include <charconv>

namespace paced {
namespace {

constexpr std::string_view line_end = "\r\n";

std::optional<std::size_t> number_in(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::size_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

Reply with_body(std::string_view input, std::size_t head, std::size_t body, bool is_good) {
  return input.size() < head + body ? Reply{} : Reply{head + body, is_good};
}

std::optional<Reply> http(std::string_view input) {
  constexpr std::string_view name = "content-length:";
  const std::size_t end = input.find("\r\n\r\n");
  if (end == std::string_view::npos) return Reply{};
  const std::string_view head = input.substr(0, end + line_end.size());
  for (std::size_t at = 0; at < head.size();) {
    const std::size_t next = head.find(line_end, at);
    const std::string_view line = head.substr(at, next - at);
    if (line.size() > name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0) {
      const auto body = number_in(line.substr(name.size()));
      if (!body) return std::nullopt;
      return with_body(input, end + 2 * line_end.size(), *body, head.starts_with("HTTP/1.1 200 "));
    }
    at = next + line_end.size();
  }
  return std::nullopt;
}

std::optional<Reply> resp(std::string_view input, std::size_t end) {
  const std::size_t head = end + line_end.size();
  switch (input.front()) {
    case '+':
    case ':':
      return Reply{head, true};
    case '-':
      return Reply{head, false};
    case '$':
      if (input.substr(1, end - 1) == "-1") return Reply{head, false};
      if (const auto body = number_in(input.substr(1, end - 1)))
        return with_body(input, head, *body + line_end.size(), true);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

// A value that is found ends with a line END; all else is one line.
std::optional<Reply> memcached(std::string_view input, std::size_t end) {
  constexpr std::string_view last = "END\r\n";
  const std::string_view line = input.substr(0, end);
  const std::size_t head = end + line_end.size();
  if (!line.starts_with("VALUE ")) return Reply{head, line == "STORED"};
  const auto body = number_in(line.substr(line.rfind(' ')));
  if (!body) return std::nullopt;
  return with_body(input, head, *body + line_end.size() + last.size(), true);
}

}  // namespace

std::optional<Reply> first_reply(Protocol protocol, std::string_view input) {
  if (protocol == Protocol::http) return http(input);
  const std::size_t end = input.find(line_end);
  if (end == std::string_view::npos || end == 0)
    return end == 0 ? std::nullopt : std::optional{Reply{}};
  return protocol == Protocol::resp ? resp(input, end) : memcached(input, end);
}

}  // namespace paced
