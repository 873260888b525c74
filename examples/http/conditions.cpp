// SPDX-License-Identifier: MIT
// The order is that of RFC 9110, 13.2.2:
//
//   If-Match, or else If-Unmodified-Since    does not hold: 412
//   If-None-Match, or else If-Modified-Since does not hold: 304
//   Range, if If-Range holds or is absent    206, or 416
//
// The tag of a version is strong: its time of change in nanoseconds, and its size.
#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "conditions.h"
#include "text.h"

namespace http {
namespace {

/// Whether a list such as `"a", W/"b"` has the tag. A weak one is the same only if `is_weak`.
bool has_tag(std::string_view list, std::string_view tag, bool is_weak) noexcept {
  if (list == "*") return true;
  while (!list.empty()) {
    const bool begins_weak = list.starts_with("W/");
    if (begins_weak) list.remove_prefix(2);
    if (!list.starts_with('"')) return false;
    const std::size_t end = list.find('"', 1);
    if (end == std::string_view::npos) return false;
    if (list.substr(0, end + 1) == tag && (is_weak || !begins_weak)) return true;
    list.remove_prefix(end + 1);
    list.remove_prefix(std::min(list.find_first_not_of(" \t,"), list.size()));
  }
  return false;
}

/// The status of an answer in place of the version; 0: none.
int failed_condition(const Request& request, const Version& version) {
  if (const auto tags = request.field("if-match"); tags.data() != nullptr) {
    if (!has_tag(tags, version.tag, false)) return 412;
  } else if (const auto date = parse_date(request.field("if-unmodified-since"))) {
    if (version.modified > *date) return 412;
  }
  if (const auto tags = request.field("if-none-match"); tags.data() != nullptr) {
    if (has_tag(tags, version.tag, true)) return 304;
  } else if (const auto date = parse_date(request.field("if-modified-since"))) {
    if (version.modified <= *date) return 304;
  }
  return 0;
}

struct Range {
  std::uint64_t first = 0;
  std::uint64_t size = 0;  // 0: it cannot be satisfied
};

std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc::result_out_of_range && stopped == end) return UINT64_MAX;
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

/// Nothing: the whole is to be sent, as for a form that is not understood, and for several ranges,
/// which a server may ignore.
std::optional<Range> parse_range(std::string_view text, std::uint64_t size) noexcept {
  if (!text.starts_with("bytes=")) return std::nullopt;
  text.remove_prefix(6);
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view from = text.substr(0, dash);
  const std::string_view to = text.substr(dash + 1);
  if (from.empty()) {  // the last bytes
    const auto count = parse_number(to);
    if (!count) return std::nullopt;
    const std::uint64_t last = std::min(*count, size);
    return Range{size - last, last};
  }
  const auto first = parse_number(from);
  const auto last = to.empty() ? std::optional{UINT64_MAX} : parse_number(to);
  if (!first || !last || *last < *first) return std::nullopt;
  if (*first >= size) return Range{};
  return Range{*first, std::min(*last, size - 1) - *first + 1};
}

/// If-Range: what the client has of the file is of this version.
bool range_applies(const Request& request, const Version& version) {
  const std::string_view condition = request.field("if-range");
  if (condition.data() == nullptr) return true;
  if (condition.starts_with('"')) return condition == version.tag;
  return parse_date(condition) == version.modified;
}

}  // namespace

Version::Version(const struct stat& state, std::string_view its_type)
    : size(static_cast<std::uint64_t>(state.st_size)),
      modified(state.st_mtim.tv_sec),
      type(its_type) {
  const auto fraction = static_cast<std::uint64_t>(state.st_mtim.tv_nsec);
  Text text;
  text.assign("\"", Digits{static_cast<std::uint64_t>(modified), 16}, "-", Digits{fraction, 16},
              "-", Digits{size, 16}, "\"");
  tag = text.view();
  text.assign("ETag: ", tag, "\r\nLast-Modified: ", http_date(modified),
              "\r\nAccept-Ranges: bytes\r\n");
  fields = text.view();
}

void send_version(const Version& version, rondo::File file, std::string_view content,
                  const Request& request, Answer& answer) {
  const auto send = [&](int status, Range part) {
    if (file) return answer.send_file(status, version.type, std::move(file), part.first, part.size);
    const auto first = static_cast<std::size_t>(part.first);
    answer.send(status, version.type, content.substr(first, static_cast<std::size_t>(part.size)));
  };
  answer.add_fields(version.fields);
  if (const int status = failed_condition(request, version); status != 0)
    return status == 304 ? answer.send_nothing(status) : answer.send_status(status);
  std::optional<Range> range;
  if (request.method == Method::get && range_applies(request, version))
    range = parse_range(request.field("range"), version.size);
  if (!range) return send(200, {0, version.size});
  const std::string size = std::to_string(version.size);
  if (range->size == 0) {
    answer.add("Content-Range", "bytes */" + size);
    return answer.send_status(416);
  }
  answer.add("Content-Range", "bytes " + std::to_string(range->first) + "-" +
                                  std::to_string(range->first + range->size - 1) + "/" + size);
  send(206, *range);
}

}  // namespace http
