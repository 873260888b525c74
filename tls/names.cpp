// SPDX-License-Identifier: MIT
#include "names.h"

#include <arpa/inet.h>
#include <rondo/tls.h>

#include <algorithm>

namespace rondo::tls {

std::string lower_case(std::string_view text) {
  std::string lower{text};
  for (char& one : lower) one = lower_case(one);
  return lower;
}

Result<std::string> host_name(std::string_view name) {
  std::string host = lower_case(name.substr(0, name.size() - (name.ends_with('.') ? 1 : 0)));
  const auto is_right = [](char one) {
    return (one >= 'a' && one <= 'z') || (one >= '0' && one <= '9') || one == '-' || one == '_' ||
           one == '.';
  };
  const bool has_empty_label =
      host.starts_with('.') || host.ends_with('.') || host.find("..") != std::string::npos;
  if (host.empty() || host.size() > 253 || has_empty_label ||
      !std::all_of(host.begin(), host.end(), is_right))
    return Error{make_error_code(Fault::bad_name), "use the name \"" + std::string{name} + '"'};
  return host;
}

bool is_address(const std::string& host) {
  unsigned char bytes[16];
  if (host.find('\0') != std::string::npos) return false;
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

}  // namespace rondo::tls
