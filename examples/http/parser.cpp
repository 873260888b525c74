// SPDX-License-Identifier: MIT
// The parser goes from line to line. A line ends with CR LF; both are allowed nowhere else, since
// each byte of a line must be in the class of its place. What two servers could understand in two
// ways is refused, so that nothing can be smuggled past one of them:
//
//   a bare CR or LF, a folded line, a blank before the colon, a field without a name
//   two Content-Length fields, or one with a Transfer-Encoding, or one that is no plain number
//   a Transfer-Encoding that is not `chunked`, or in HTTP/1.0
//   no Host or two of them, or one with characters that no host has
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "parser.h"
#include "text.h"

namespace http {
namespace {

// --- classes of characters ----------------------------------------------------------------------

constexpr std::uint8_t token = 1;      // a method, the name of a field: RFC 9110, 5.6.2
constexpr std::uint8_t target = 2;     // RFC 3986, and what browsers leave as it is
constexpr std::uint8_t path_part = 4;  // the same, up to a `?`
constexpr std::uint8_t value = 8;      // in a field: also bytes above ASCII
constexpr std::uint8_t host = 16;      // a name, or an IPv4 address
constexpr std::uint8_t address = 32;   // what is in the brackets of an IPv6 address
constexpr std::uint8_t digit = 64;

constexpr bool is_one_of(char c, std::string_view set) noexcept {
  return set.find(c) != std::string_view::npos;
}

constexpr std::uint8_t classes_of(std::size_t c) noexcept {
  const char text = static_cast<char>(c);
  const bool is_visible = c > 0x20 && c < 0x7f;
  const bool is_digit = c >= '0' && c <= '9';
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  const bool is_target = is_visible && !is_one_of(text, "\"#<>\\`");
  const bool is_of_host = is_letter || is_digit || is_one_of(text, "-._~!$&'()*+,;=%");
  std::uint8_t all = 0;
  if (is_visible && !is_one_of(text, "\"(),/:;<=>?@[\\]{}")) all |= token;
  if (is_target) all |= target;
  if (is_target && text != '?') all |= path_part;
  if (is_visible || is_one_of(text, " \t") || c >= 0x80) all |= value;
  if (is_of_host) all |= host;
  if (is_of_host || text == ':') all |= address;
  if (is_digit) all |= digit;
  return all;
}

constexpr std::array<std::uint8_t, 256> classes = [] {
  std::array<std::uint8_t, 256> all{};
  for (std::size_t c = 0; c < all.size(); ++c) all[c] = classes_of(c);
  return all;
}();

bool is_in(char c, std::uint8_t wanted) noexcept {
  return (classes[static_cast<std::uint8_t>(c)] & wanted) != 0;
}

/// The part of `text` from `begin` on that is in the class ends here. It does not look for the end
/// of the text, since what lies behind a line, its CR, is in no class. Behind a text that is a part
/// of a line it may find more.
template <std::uint8_t Wanted>
std::size_t end_of(std::string_view text, std::size_t begin = 0) noexcept {
  const char* at = text.data() + begin;
  while (is_in(*at, Wanted)) ++at;
  return static_cast<std::size_t>(at - text.data());
}

bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

inline std::string_view trimmed(std::string_view text) noexcept {
  std::size_t begin = 0;
  std::size_t end = text.size();
  while (begin < end && is_blank(text[begin])) ++begin;
  while (begin < end && is_blank(text[end - 1])) --end;
  return text.substr(begin, end - begin);
}

struct KnownMethod {
  std::string_view name;
  Method method;
};

constexpr KnownMethod known_methods[] = {
    {"GET", Method::get},         {"HEAD", Method::head},   {"POST", Method::post},
    {"PUT", Method::put},         {"PATCH", Method::patch}, {"DELETE", Method::remove},
    {"OPTIONS", Method::options},
};

/// Whether a field may have this value. Eight bytes are checked at a time, as long as none is a
/// control character: in the first difference one below 0x20 borrows from its highest bit, in the
/// second one that is DEL.
bool is_value(std::string_view text) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101;
  constexpr std::size_t word = sizeof(each);
  std::size_t at = 0;
  for (; text.size() - at >= word; at += word) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, word);
    const std::uint64_t no_delete = bytes ^ (0x7f * each);
    const std::uint64_t suspects =
        ((bytes - 0x20 * each) & ~bytes) | ((no_delete - each) & ~no_delete);
    if ((suspects & (0x80 * each)) != 0) break;
  }
  return end_of<value>(text, at) >= text.size();
}

/// The name and the value, which is not checked.
inline bool split_field(std::string_view line, Field& field) noexcept {
  const std::size_t colon = end_of<token>(line);
  if (colon == 0 || colon == line.size() || line[colon] != ':') return false;
  field.name = line.substr(0, colon);
  field.value = trimmed(line.substr(colon + 1));
  return true;
}

/// A name or an address, perhaps with a port; or nothing, for what has no authority.
bool is_host(std::string_view text) noexcept {
  std::size_t end = 0;
  if (text.starts_with('[')) {
    end = end_of<address>(text, 1);
    if (end == text.size() || text[end] != ']') return false;
    ++end;
  } else {
    end = end_of<host>(text);
  }
  if (end == text.size()) return true;
  return text[end] == ':' && end_of<digit>(text, end + 1) == text.size();
}

// --- the head -----------------------------------------------------------------------------------

constexpr int fine = 0;  // in place of the status of a refusal
constexpr int bad_request = 400;
constexpr int content_too_large = 413;
constexpr int target_too_long = 414;
constexpr int expectation_failed = 417;
constexpr int head_too_large = 431;
constexpr int not_implemented = 501;
constexpr int version_not_supported = 505;

class HeadParser {
 public:
  HeadParser(std::string_view input, const Limits& limits, Request& request) noexcept
      : input_(input), limits_(limits), request_(request) {}

  Parsed parse() {
    std::string_view line;
    if (input_.starts_with("\r\n")) at_ = 2;  // some clients send one after a body
    if (!next_line(line, target_too_long)) return end();
    if (!is_fine(read_request_line(line))) return end();
    while (next_line(line, head_too_large)) {
      if (!line.empty()) {
        if (!is_fine(read_field(line))) return end();
      } else {
        if (is_fine(finish())) return {Parsed::State::done, at_, fine};
        return end();
      }
    }
    return end();
  }

 private:
  bool is_fine(int status) noexcept {
    status_ = status;
    return status == fine;
  }
  bool refuse(int status) noexcept {
    status_ = status;
    return false;
  }
  [[nodiscard]] Parsed end() const noexcept {
    return status_ == fine ? Parsed{} : Parsed{Parsed::State::refused, 0, status_};
  }

  /// False: it has not arrived whole, or is refused.
  bool next_line(std::string_view& line, int status_if_long) noexcept {
    const std::string_view rest = input_.substr(at_);
    const std::size_t size = rest.find('\n');
    const std::size_t known = std::min(size, rest.size());
    if (known > limits_.line_max + 1) return refuse(status_if_long);
    if (at_ + known > limits_.head_max) return refuse(head_too_large);
    if (size == std::string_view::npos) return false;
    if (size == 0 || rest[size - 1] != '\r') return refuse(bad_request);
    line = rest.substr(0, size - 1);
    at_ += size + 1;
    return true;
  }

  int read_request_line(std::string_view line) noexcept {
    const bool is_get = line.starts_with("GET ");  // as most requests are
    const std::size_t method_end = is_get ? 3 : end_of<token>(line);
    if (method_end == 0 || method_end == line.size() || line[method_end] != ' ') return bad_request;
    const std::size_t begin = method_end + 1;
    const std::size_t path_end = end_of<path_part>(line, begin);
    const std::size_t target_end = end_of<target>(line, path_end);
    if (target_end == begin) return bad_request;
    const int version_status = read_version(line.substr(target_end));
    if (version_status == bad_request) return bad_request;
    request_.line = line;
    if (version_status != fine) return version_status;
    request_.method = is_get ? Method::get : method_of(line.substr(0, method_end));
    if (request_.method == Method::unknown) return not_implemented;
    if (line[begin] != '/') return read_other_target(line.substr(begin, target_end - begin));
    request_.path = line.substr(begin, path_end - begin);
    if (path_end < target_end)
      request_.query = line.substr(path_end + 1, target_end - path_end - 1);
    return fine;
  }

  int read_version(std::string_view text) noexcept {
    if (text == " HTTP/1.1") return fine;
    if (text.size() != 9 || !text.starts_with(" HTTP/") || !is_in(text[6], digit) ||
        text[7] != '.' || !is_in(text[8], digit))
      return bad_request;
    if (text[6] != '1') return version_not_supported;
    request_.minor_version = text[8] - '0';
    request_.keeps_alive = request_.minor_version > 0;
    return fine;
  }

  int read_other_target(std::string_view asked) noexcept {
    if (asked != "*") return read_absolute(asked);
    if (request_.method != Method::options) return bad_request;
    request_.path = asked;
    return fine;
  }

  /// `http://host/path`: what a proxy is asked, and what a server must understand, too.
  int read_absolute(std::string_view asked) noexcept {
    const std::size_t scheme = asked.find("://");
    if (scheme == std::string_view::npos) return bad_request;
    const std::string_view name = asked.substr(0, scheme);
    if (!is_same(name, "http") && !is_same(name, "https")) return bad_request;
    asked.remove_prefix(scheme + 3);
    const std::size_t end = asked.find_first_of("/?");
    authority_ = asked.substr(0, end);
    if (authority_.empty() || !is_host(authority_)) return bad_request;
    asked = end == std::string_view::npos ? std::string_view{} : asked.substr(end);
    request_.path = asked.substr(0, asked.find('?'));
    if (request_.path.size() < asked.size())
      request_.query = asked.substr(request_.path.size() + 1);
    if (request_.path.empty()) request_.path = request_.method == Method::options ? "*" : "/";
    return fine;
  }

  int read_field(std::string_view line) noexcept {
    if (request_.fields_count == std::min(limits_.fields_max, Request::fields_max))
      return head_too_large;
    Field& field = request_.fields[request_.fields_count];
    if (!split_field(line, field)) return bad_request;
    ++request_.fields_count;
    if (is_same(field.name, "host")) return read_host(field.value);
    if (!is_value(field.value)) return bad_request;
    switch (field.name.size()) {
      case 6:
        return is_same(field.name, "expect") ? read_expect(field.value) : fine;
      case 10:
        return is_same(field.name, "connection") ? read_connection(field.value) : fine;
      case 14:
        return is_same(field.name, "content-length") ? read_length(field.value) : fine;
      case 17:
        return is_same(field.name, "transfer-encoding") ? read_encoding(field.value) : fine;
      default:
        return fine;
    }
  }

  int read_host(std::string_view text) noexcept {
    if (std::exchange(has_host_, true) || !is_host(text)) return bad_request;
    request_.host = text;
    return fine;
  }

  int read_expect(std::string_view text) noexcept {
    if (request_.minor_version == 0) return fine;
    if (!is_same(text, "100-continue")) return expectation_failed;
    request_.expects_continue = true;
    return fine;
  }

  int read_connection(std::string_view text) noexcept {
    while (!text.empty()) {
      const std::size_t size = std::min(text.find(','), text.size());
      const std::string_view option = trimmed(text.substr(0, size));
      text.remove_prefix(std::min(size + 1, text.size()));
      if (is_same(option, "close")) closes_ = true;
      if (is_same(option, "keep-alive")) request_.keeps_alive = true;
    }
    return fine;
  }

  int read_length(std::string_view text) noexcept {
    if (std::exchange(has_length_, true) || text.empty()) return bad_request;
    if (end_of<digit>(text) != text.size()) return bad_request;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), request_.content_length);
    return error == std::errc{} ? fine : content_too_large;
  }

  int read_encoding(std::string_view text) noexcept {
    if (std::exchange(has_encoding_, true)) return bad_request;
    request_.is_chunked = is_same(text, "chunked");
    return fine;
  }

  /// What depends on several fields.
  int finish() noexcept {
    if (!has_host_ && request_.minor_version > 0) return bad_request;
    if (!authority_.empty()) request_.host = authority_;
    if (has_encoding_) {
      if (has_length_ || request_.minor_version == 0) return bad_request;
      if (!request_.is_chunked) return not_implemented;
    }
    if (closes_) request_.keeps_alive = false;
    return request_.content_length > limits_.body_max ? content_too_large : fine;
  }

  std::string_view input_;
  const Limits& limits_;
  Request& request_;
  std::size_t at_ = 0;
  int status_ = fine;
  std::string_view authority_;
  bool has_host_ = false;
  bool has_length_ = false;
  bool has_encoding_ = false;
  bool closes_ = false;
};

}  // namespace

Parsed parse_head(std::string_view input, const Limits& limits, Request& request) {
  request.method = Method::unknown;
  request.minor_version = 1;
  request.keeps_alive = true;
  request.fields_count = 0;
  request.content_length = 0;
  request.is_chunked = false;
  request.expects_continue = false;
  request.line = request.host = request.path = request.query = request.body = {};
  return HeadParser{input, limits, request}.parse();
}

Method method_of(std::string_view name) noexcept {
  for (const KnownMethod& known : known_methods)
    if (name == known.name) return known.method;
  return Method::unknown;
}

bool parse_field(std::string_view line, Field& field) noexcept {
  return split_field(line, field) && is_value(field.value);
}

bool decode_path(std::string_view path, std::string& decoded) {
  decoded.clear();
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      decoded += path[i];
      continue;
    }
    if (path.size() - i < 3) return false;
    std::uint8_t byte = 0;
    const char* const digits = path.data() + i + 1;
    const auto [end, error] = std::from_chars(digits, digits + 2, byte, 16);
    if (error != std::errc{} || end != digits + 2 || byte == 0) return false;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return true;
}

}  // namespace http
