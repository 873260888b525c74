// SPDX-License-Identifier: MIT
// Names, numeric addresses and the hosts file, compared with a simple reading of RFC 1035 and
// hosts(5).
#include "names/host_name.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <vector>

#include "fuzz/target.h"
#include "names/hosts_file.h"
#include "support/temporary_file.h"

namespace rondo::fuzz {
namespace {

using Words = std::vector<std::string>;

Words split(std::string_view text, std::string_view separators) {
  Words words(1);
  for (const char c : text) {
    if (separators.find(c) == separators.npos) {
      words.back() += c;
    } else {
      words.emplace_back();
    }
  }
  return words;
}

/// In lower case and without a dot at the end.
std::string plain(std::string_view name) {
  std::string out{name.ends_with('.') ? name.substr(0, name.size() - 1) : name};
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

bool is_name(std::string_view host) {
  const std::string name = plain(host);
  if (name.empty() || name.size() > 253) return false;
  for (const char c : name) {
    if (c <= ' ' || c > '~' || c == '\\') return false;
  }
  for (const std::string& label : split(name, ".")) {
    if (label.empty() || label.size() > 63) return false;
  }
  return true;
}

bool is_number(std::string_view host) {
  const std::string last = split(plain(host), ".").back();
  const bool digits = !last.empty() && last.find_first_not_of("0123456789") == last.npos;
  return digits || host.find(':') != host.npos;
}

std::string address_of(std::string_view text) {
  std::byte room[sizeof(in6_addr)];
  char printed[INET6_ADDRSTRLEN];
  const std::string terminated{text};
  if (text.find('\0') != text.npos) return {};
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, terminated.c_str(), room) != 1) continue;
    return ::inet_ntop(family, room, printed, sizeof(printed));
  }
  return {};
}

void look_at_name(std::string_view host) {
  require((detail::defect_of_name(host) == nullptr) == is_name(host), "a name or not");
  require(detail::looks_numeric(host) == is_number(host), "a number or not");
  const auto address = detail::numeric_address(host);
  if (host.find('%') == host.npos) {
    require_same(address ? address->host() : std::string{}, address_of(host), "its address");
  }
  const Words labels = split(plain(host), ".");
  require(detail::is_localhost(host) == (labels.back() == "localhost"), "below localhost or not");
}

/// The addresses of `host`, one on each line.
std::string in_hosts(std::string_view text, std::string_view host) {
  std::string found;
  for (const std::string& line : split(text, "\n")) {
    Words words = split(line.substr(0, line.find('#')), " \t\r\v\f");
    std::erase(words, "");
    for (std::size_t i = 1; i < words.size(); ++i) {
      if (plain(words[i]) != plain(host)) continue;
      const std::string address = address_of(words[0]);
      if (!address.empty()) found += address + '\n';
      break;
    }
  }
  return found;
}

void look_in_hosts(std::string_view text, std::string_view host) {
  static const test::TemporaryFile file;
  file.write(text);
  detail::HostsFile hosts{file.path()};
  std::string found;
  for (const Endpoint& address : hosts.find(host)) {
    require(address.port() == 0, "without a port");
    found += address.host() + '\n';
  }
  require_same(found, in_hosts(text, host), "the addresses of the hosts file");
}

}  // namespace

void host_names(Input& input) {
  const std::string_view all = input.rest();
  const std::string_view host = all.substr(0, all.find('\n'));
  const std::string_view text = all.substr(std::min(host.size() + 1, all.size()));
  look_at_name(host);
  if (host.empty() || text.find('%') != text.npos) return;
  look_in_hosts(text, host);
}

const Target target{"host_names", host_names};

}  // namespace rondo::fuzz
