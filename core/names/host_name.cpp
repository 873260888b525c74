// SPDX-License-Identifier: MIT
// Host names: their form, and those that are known without a name server.
//
// A name is printable ASCII without blanks and backslashes (name servers treat a backslash as an
// escape), in labels of 1 to 63 bytes. Names in other scripts are given as Punycode. Names that no
// registry would accept are allowed; underscores, for example, are in use. A name whose last label
// is all digits is an address or a mistake: no top-level domain is a number, and a query for
// `192.168.1.300` would only disclose the mistake to a name server.
#include "host_name.h"

#include <algorithm>
#include <string>

namespace rondo::detail {
namespace {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string_view without_last_dot(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

}  // namespace

const char* defect_of_name(std::string_view host) noexcept {
  if (host.empty()) return "no name";
  const std::string_view name = without_last_dot(host);
  if (name.size() > host_name_max) return "more than 253 bytes";
  for (const char c : name) {
    if (c == '\0') return "a NUL in the name";
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f || c == '\\') return "a byte that no name has";
  }
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('.', start), name.size());
    if (end == start) return "nothing between two dots";
    if (end - start > host_label_max) return "more than 63 bytes between two dots";
    start = end + 1;
  }
  return nullptr;
}

bool looks_numeric(std::string_view host) noexcept {
  if (host.find(':') != host.npos) return true;
  const std::string_view name = without_last_dot(host);
  const std::size_t dot = name.rfind('.');
  const std::string_view last = dot == name.npos ? name : name.substr(dot + 1);
  return !last.empty() && std::all_of(last.begin(), last.end(), is_digit);
}

std::optional<Endpoint> numeric_address(std::string_view host) {
  const bool ipv6 = host.find(':') != host.npos;
  const auto parsed = Endpoint::parse(ipv6 ? '[' + std::string{host} + "]:0"  //
                                           : std::string{host} + ":0");
  if (!parsed || parsed->family() == AddressFamily::unix_domain) return {};
  return *parsed;
}

bool is_localhost(std::string_view host) noexcept {
  constexpr std::string_view localhost = "localhost";
  const std::string_view name = without_last_dot(host);
  if (name.size() < localhost.size()) return false;
  const std::size_t begin = name.size() - localhost.size();
  return same_name(name.substr(begin), localhost) && (begin == 0 || name[begin - 1] == '.');
}

bool same_name(std::string_view one, std::string_view other) noexcept {
  one = without_last_dot(one);
  other = without_last_dot(other);
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace rondo::detail
