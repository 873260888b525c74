// SPDX-License-Identifier: MIT
#include "target.h"

#include <charconv>
#include <system_error>

#include "quoted.h"

namespace rondo::detail {

Result<Target> parse_target(std::string_view text) {
  auto endpoint = Endpoint::parse(text);
  if (endpoint) return Target{*endpoint, {}, 0};
  const std::size_t colon = text.rfind(':');
  const bool is_name = colon != text.npos && text.find(':') == colon && colon > 0;
  if (!is_name || text.starts_with("unix:") || text.starts_with('[')) return endpoint.error();
  Target target{{}, text.substr(0, colon), 0};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, target.port);
  if (error == std::errc{} && stop == end) return target;
  return Error{std::make_error_code(std::errc::invalid_argument),
               "parse target " + quoted(text) + ": not a port"};
}

std::string shown(const std::string& target) {
  std::string quoted = detail::quoted(target);
  return quoted.size() == target.size() + 2 ? target : quoted;
}

}  // namespace rondo::detail
