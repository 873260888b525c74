// SPDX-License-Identifier: MIT
// Endpoint: a parsed value prints and parses to itself, and inet_pton agrees on what is an address.
// A value from the system prints and parses to itself as well.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include <rondo/endpoint.h>

#include "fuzz/target.h"

namespace rondo::fuzz {
namespace {

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  const bool digits =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || (text.size() > 1 && text.front() == '0')) return false;
  return std::stoul(std::string{text}) <= 65535;
}

bool is_address(int family, std::string_view text) {
  std::byte room[sizeof(in6_addr)];
  const std::string terminated{text};
  if (text.find('\0') != text.npos) return false;
  return ::inet_pton(family, terminated.c_str(), room) == 1;
}

/// For a text without a scope, since scopes depend on the system.
bool is_endpoint(std::string_view text) {
  if (text.starts_with("unix:")) {
    const std::string_view name = text.substr(5);
    const bool abstract = name.starts_with('@');
    const std::size_t size = name.size() - (abstract ? 1 : 0);
    return size > 0 && size <= 107 && (abstract || name.find('\0') == name.npos);
  }
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || !is_port(text.substr(colon + 1))) return false;
  const std::string_view host = text.substr(0, colon);
  if (!host.starts_with('[')) return is_address(AF_INET, host);
  return host.ends_with(']') && is_address(AF_INET6, host.substr(1, host.size() - 2));
}

void require_round_trip(const Endpoint& endpoint) {
  const std::string printed = endpoint.to_string();
  const auto again = Endpoint::parse(printed);
  require(again.has_value(), "what is printed can be parsed");
  require(*again == endpoint, "and is the same");
  require(again->hash() == endpoint.hash(), "and has the same hash");
  require_same(again->to_string(), printed, "and prints the same");
  const auto copy = Endpoint::from_system(endpoint.system(), endpoint.system_size());
  require(copy && *copy == endpoint, "the system's form is the same");
}

void parse(std::string_view text) {
  const auto parsed = Endpoint::parse(text);
  if (text.find('%') == text.npos) {
    require(parsed.has_value() == is_endpoint(text),
            "accepts exactly the valid endpoints: " + shown(text));
  }
  if (parsed) return require_round_trip(*parsed);
  require(static_cast<bool>(parsed.error().code), "reports an error");
  require(parsed.error().context.starts_with("parse endpoint \""), "reports the context");
}

void take_from_system(Input& input) {
  constexpr sa_family_t families[] = {AF_INET, AF_INET6, AF_UNIX};
  sockaddr_storage storage{};
  const std::string_view bytes = input.text(sizeof(storage));
  std::memcpy(&storage, bytes.data(), bytes.size());
  storage.ss_family = families[storage.ss_family % 3];
  const auto taken =
      Endpoint::from_system(reinterpret_cast<const sockaddr*>(&storage), bytes.size());
  if (!taken) return;
  require(taken->system_size() <= bytes.size() + 1, "what was given, and a NUL");
  const std::string text = taken->to_string();
  // Values that cannot be parsed back: see endpoint_text.cpp.
  const bool is_nameless = taken->host().empty() || taken->host() == "@";
  if (is_nameless || text.starts_with("unix:./@") || taken->host().size() > 107) return;
  require_round_trip(*taken);
}

}  // namespace

void endpoint(Input& input) {
  if (input.flag()) {
    take_from_system(input);
  } else {
    parse(input.rest());
  }
}

const Target target{"endpoint", endpoint};

}  // namespace rondo::fuzz
