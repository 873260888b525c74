// SPDX-License-Identifier: MIT
// Endpoint as text.
//
// The parser reads from left to right. The first character decides the kind of the address, and
// nothing is guessed: no names, no default port, no leading zeros or blanks. inet_pton gets a copy
// whose length was checked and that has no NUL inside. The result of to_string parses to an equal
// endpoint, with three exceptions that parse cannot return: an unbound Unix socket (`unix:` is not
// an address), a path of 108 bytes, which the kernel accepts without its NUL, and a relative path
// that begins with `@`, which is printed as `./@...` to distinguish it from an abstract name.
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include <rondo/endpoint.h>

#include "endpoint_storage.h"
#include "quoted.h"

namespace rondo {
namespace {

using detail::has_abstract_names;
using detail::load;
using detail::store;
using detail::unix_bytes;
using detail::unix_path_offset;

constexpr std::size_t unix_name_max = detail::unix_path_size - 1;
constexpr std::string_view unix_prefix = "unix:";

struct Problem {
  std::error_code code;
  const char* what;
};

Problem invalid(const char* what) noexcept {
  return {std::make_error_code(std::errc::invalid_argument), what};
}

/// Only digits, without a leading zero, and within the range of the type.
template <typename Number>
bool parse_decimal(std::string_view text, Number& number) noexcept {
  if (text.size() > 1 && text.front() == '0') return false;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end;
}

Result<std::uint16_t, Problem> parse_port(std::string_view text) noexcept {
  if (text.empty()) return invalid("no port");
  std::uint16_t port = 0;
  if (!parse_decimal(text, port)) return invalid("the port is not a plain number up to 65535");
  return port;
}

/// inet_pton for a part of a string: it requires a terminated one.
template <std::size_t Size>
bool parse_address(int family, std::string_view text, void* address) noexcept {
  char terminated[Size] = {};
  if (text.size() >= Size || text.find('\0') != text.npos) return false;
  text.copy(terminated, text.size());
  return inet_pton(family, terminated, address) == 1;
}

/// By name first, because the name of an interface may be a number, and to_string prints the name.
Result<std::uint32_t, Problem> parse_scope(std::string_view text) noexcept {
  constexpr const char* unknown = "no such scope";
  const auto no_such_device = std::make_error_code(std::errc::no_such_device);
  if (text.empty()) return invalid("no scope after the %");
  if (text.find('\0') != text.npos) return invalid("a NUL in the scope");

  char name[IF_NAMESIZE] = {};
  if (text.size() < sizeof(name)) {
    text.copy(name, text.size());
    if (const unsigned index = if_nametoindex(name); index != 0) return std::uint32_t{index};
  }
  std::uint32_t number = 0;
  if (parse_decimal(text, number) && number != 0) return number;
  const bool exhausted = errno == EMFILE || errno == ENFILE;  // if_nametoindex opens a socket
  if (text.size() < sizeof(name) && exhausted) return Problem{last_system_error(), unknown};
  return Problem{no_such_device, unknown};
}

Result<Endpoint, Problem> parse_ipv4(std::string_view text) noexcept {
  const std::size_t colon = text.find(':');
  if (colon == text.npos) return invalid("no port");
  if (colon != text.rfind(':')) return invalid("an IPv6 address needs brackets");

  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == 0) return invalid("no address");
  if (!parse_address<INET_ADDRSTRLEN>(AF_INET, text.substr(0, colon), &address.sin_addr)) {
    return invalid("not a numeric address");
  }
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return port.error();
  address.sin_port = htons(*port);
  return store(address);
}

Result<Endpoint, Problem> parse_ipv6(std::string_view text) noexcept {
  const std::size_t bracket = text.find(']');
  if (bracket == text.npos) return invalid("no closing bracket");
  const std::string_view inside = text.substr(1, bracket - 1);
  const std::string_view behind = text.substr(bracket + 1);
  const std::size_t percent = inside.find('%');

  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  const std::string_view host = inside.substr(0, percent);
  if (host.empty()) return invalid("no address");
  if (!parse_address<INET6_ADDRSTRLEN>(AF_INET6, host, &address.sin6_addr)) {
    return invalid("not a numeric IPv6 address");
  }
  if (behind.empty()) return invalid("no port");
  if (behind.front() != ':') return invalid("no colon after the bracket");
  const auto port = parse_port(behind.substr(1));
  if (!port) return port.error();
  address.sin6_port = htons(*port);

  if (percent != inside.npos) {
    const auto scope = parse_scope(inside.substr(percent + 1));
    if (!scope) return scope.error();
    address.sin6_scope_id = *scope;
  }
  return store(address);
}

Result<Endpoint, Problem> parse_unix(std::string_view name) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool abstract = name.starts_with('@');
  if (abstract) name.remove_prefix(1);
  if (name.empty()) return invalid("no name");
  if (name.size() > unix_name_max) {
    return Problem{std::make_error_code(std::errc::filename_too_long), "the name"};
  }
  if (abstract && !has_abstract_names<sockaddr_un>) {
    return invalid("this system has no abstract names");
  }
  if (!abstract && name.find('\0') != name.npos) return invalid("a NUL in the path");
  name.copy(address.sun_path + (abstract ? 1 : 0), name.size());
  return store(address, unix_path_offset + name.size() + 1);
}

std::string scope_text(std::uint32_t scope) {
  if (scope == 0) return {};
  char name[IF_NAMESIZE] = {};
  // A name with a closing bracket could not be parsed again, nor the name of a removed interface.
  if (if_indextoname(scope, name) == nullptr || std::strchr(name, ']') != nullptr) {
    return '%' + std::to_string(scope);
  }
  return '%' + std::string{name};
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto parsed = [text]() -> Result<Endpoint, Problem> {
    if (text.empty()) return invalid("nothing there");
    if (text.starts_with(unix_prefix)) return parse_unix(text.substr(unix_prefix.size()));
    return text.front() == '[' ? parse_ipv6(text) : parse_ipv4(text);
  }();
  if (parsed) return *parsed;
  const Problem& problem = parsed.error();
  return Error{problem.code, "parse endpoint " + detail::quoted(text) + ": " + problem.what};
}

std::string Endpoint::host() const {
  char text[INET6_ADDRSTRLEN] = {};
  switch (family()) {
    case AddressFamily::ipv4: {
      const auto address = load<sockaddr_in>(*this);
      return inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text));
    }
    case AddressFamily::ipv6: {
      const auto address = load<sockaddr_in6>(*this);
      const std::string host = inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof(text));
      return host + scope_text(address.sin6_scope_id);
    }
    case AddressFamily::unix_domain:
      break;
  }
  const std::string_view bytes = unix_bytes(*this);
  if (bytes.empty()) return {};
  if (bytes.front() == '\0') return '@' + std::string{bytes.substr(1)};
  const std::string path{bytes.substr(0, bytes.find('\0'))};
  return path.front() == '@' ? "./" + path : path;
}

std::string Endpoint::to_string() const {
  switch (family()) {
    case AddressFamily::ipv4:
      return host() + ':' + std::to_string(port());
    case AddressFamily::ipv6:
      return '[' + host() + "]:" + std::to_string(port());
    case AddressFamily::unix_domain:
      break;
  }
  return "unix:" + host();
}

}  // namespace rondo
