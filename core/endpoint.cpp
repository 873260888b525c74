// Endpoint: a socket address as a value.
//
// The storage holds what the system's calls take, in one normal form per address, so that equal
// endpoints have equal significant bytes:
//   IPv4, IPv6   the whole sockaddr; the padding is zero
//   pathname     family, the path, one NUL where it fits; the size counts that NUL
//   abstract     family, a NUL, the name, which may contain any byte; the size ends it (unix(7))
//   unnamed      the family alone
// Comparison and hash look at the key: address, scope and port in network order, or the Unix name.
// A flow label is carried but is no part of the key.
//
// The parser reads left to right, decides by the first character what it is looking at, and guesses
// nothing: no names, no default port, no leading zeros or blanks. inet_pton sees a copy whose
// length was checked, and never a NUL inside. Whatever to_string prints parses back to an equal
// endpoint, with three exceptions that cannot arise from parse: an unbound Unix socket (`unix:`
// names nothing), a path of 108 bytes, which the kernel takes without its NUL, and a relative path
// that begins with `@`, which is printed as `./@...` so that nobody takes it for an abstract name.
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <functional>

#include <rondo/endpoint.h>

#include "quoted.h"

namespace rondo {
namespace {

constexpr std::size_t unix_path_offset = offsetof(sockaddr_un, sun_path);
constexpr std::size_t unix_path_size = sizeof(sockaddr_un::sun_path);
constexpr std::size_t unix_name_max = unix_path_size - 1;
constexpr std::string_view unix_prefix = "unix:";

// Linux alone has abstract names. The BSDs and macOS are known by the length byte in their
// sockaddr; there a path that begins with a NUL is an unnamed socket.
template <typename Address>
constexpr bool has_abstract_names = !requires(Address address) { address.sun_len; };

struct Problem {
  std::error_code code;
  const char* what;
};

Problem invalid(const char* what) noexcept {
  return {std::make_error_code(std::errc::invalid_argument), what};
}

template <typename Address>
Address load(const Endpoint& endpoint) noexcept {
  Address address{};
  std::memcpy(&address, endpoint.system(), std::min(sizeof(address), endpoint.system_size()));
  return address;
}

template <typename Address>
Endpoint store(const Address& address, std::size_t size = sizeof(Address)) noexcept {
  return Endpoint::from_system(reinterpret_cast<const sockaddr*>(&address), size).value();
}

/// The bytes behind the family, with the NULs that belong to the form.
std::string_view unix_bytes(const Endpoint& endpoint) noexcept {
  return {reinterpret_cast<const char*>(endpoint.system()) + unix_path_offset,
          endpoint.system_size() - unix_path_offset};
}

constexpr std::size_t inet_key_max = sizeof(in6_addr) + sizeof(std::uint32_t) + sizeof(in_port_t);

/// What two endpoints of one family are compared by; lies in `room` or in the endpoint.
std::string_view key_of(const Endpoint& endpoint, std::array<char, inet_key_max>& room) noexcept {
  std::size_t size = 0;
  const auto append = [&](const auto& field) {
    std::memcpy(room.data() + size, &field, sizeof(field));
    size += sizeof(field);
  };
  switch (endpoint.family()) {
    case Family::ipv4: {
      const auto address = load<sockaddr_in>(endpoint);
      append(address.sin_addr);
      append(address.sin_port);
      break;
    }
    case Family::ipv6: {
      const auto address = load<sockaddr_in6>(endpoint);
      append(address.sin6_addr);
      append(htonl(address.sin6_scope_id));
      append(address.sin6_port);
      break;
    }
    case Family::unix_domain:
      return unix_bytes(endpoint);
  }
  return {room.data(), size};
}

/// Digits alone, no leading zero, and what the type can hold.
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

/// inet_pton, which wants a terminated string, on a part of one.
template <std::size_t Size>
bool parse_address(int family, std::string_view text, void* address) noexcept {
  char terminated[Size] = {};
  if (text.size() >= Size || text.find('\0') != text.npos) return false;
  text.copy(terminated, text.size());
  return inet_pton(family, terminated, address) == 1;
}

/// By name first, as interfaces may be named by a number, and to_string prints the name.
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
  const bool exhausted = errno == EMFILE || errno == ENFILE;  // it asks by means of a socket
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
  // A name that would end the brackets could not be read back, nor can one that has gone.
  if (if_indextoname(scope, name) == nullptr || std::strchr(name, ']') != nullptr) {
    return '%' + std::to_string(scope);
  }
  return '%' + std::string{name};
}

Endpoint inet(Family family, std::uint32_t ipv4, const in6_addr& ipv6) noexcept {
  RONDO_ASSERT(family != Family::unix_domain);
  if (family == Family::ipv6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = ipv6;
    return store(address);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(ipv4);
  return store(address);
}

}  // namespace

Endpoint::Endpoint() noexcept : size_(sizeof(sockaddr_in)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  std::memcpy(storage_, &address, sizeof(address));
}

Result<Endpoint, Error> Endpoint::parse(std::string_view text) {
  const auto parsed = [text]() -> Result<Endpoint, Problem> {
    if (text.empty()) return invalid("nothing there");
    if (text.starts_with(unix_prefix)) return parse_unix(text.substr(unix_prefix.size()));
    return text.front() == '[' ? parse_ipv6(text) : parse_ipv4(text);
  }();
  if (parsed) return *parsed;
  const Problem& problem = parsed.error();
  return Error{problem.code, "parse endpoint " + detail::quoted(text) + ": " + problem.what};
}

Endpoint Endpoint::loopback(std::uint16_t port, Family family) noexcept {
  return inet(family, INADDR_LOOPBACK, in6addr_loopback).with_port(port);
}

Endpoint Endpoint::any(std::uint16_t port, Family family) noexcept {
  return inet(family, INADDR_ANY, in6addr_any).with_port(port);
}

Result<Endpoint> Endpoint::from_system(const ::sockaddr* address, std::size_t size) noexcept {
  if (address == nullptr || size < offsetof(sockaddr, sa_family) + sizeof(sa_family_t)) {
    return std::errc::invalid_argument;
  }
  Endpoint endpoint;
  const auto copy = [&](std::size_t significant) {
    std::memset(endpoint.storage_, 0, sizeof(endpoint.storage_));
    std::memcpy(endpoint.storage_, address, significant);
    endpoint.size_ = static_cast<std::uint32_t>(significant);
  };
  switch (address->sa_family) {
    case AF_INET:
      if (size < sizeof(sockaddr_in)) return std::errc::invalid_argument;
      copy(offsetof(sockaddr_in, sin_zero));
      endpoint.size_ = sizeof(sockaddr_in);
      return endpoint;
    case AF_INET6:
      if (size < sizeof(sockaddr_in6)) return std::errc::invalid_argument;
      copy(sizeof(sockaddr_in6));
      return endpoint;
    case AF_UNIX:
      break;
    default:
      return std::errc::address_family_not_supported;
  }
  // Linux counts a NUL beyond the end of sun_path where a path fills it (unix(7), BUGS).
  if (size > unix_path_offset + unix_path_size + 1) return std::errc::invalid_argument;
  const std::size_t given = std::min(size - unix_path_offset, unix_path_size);
  const char* path = reinterpret_cast<const char*>(address) + unix_path_offset;
  const std::size_t length = strnlen(path, given);
  if (length > 0) {
    copy(unix_path_offset + length);
    endpoint.size_ += length < unix_path_size ? 1 : 0;
  } else {
    copy(unix_path_offset + (has_abstract_names<sockaddr_un> ? given : 0));
  }
  return endpoint;
}

const ::sockaddr* Endpoint::system() const noexcept {
  return reinterpret_cast<const sockaddr*>(storage_);
}

Family Endpoint::family() const noexcept {
  switch (system()->sa_family) {
    case AF_INET:
      return Family::ipv4;
    case AF_INET6:
      return Family::ipv6;
    default:
      return Family::unix_domain;
  }
}

std::uint16_t Endpoint::port() const noexcept {
  switch (family()) {
    case Family::ipv4:
      return ntohs(load<sockaddr_in>(*this).sin_port);
    case Family::ipv6:
      return ntohs(load<sockaddr_in6>(*this).sin6_port);
    case Family::unix_domain:
      break;
  }
  return 0;
}

Endpoint Endpoint::with_port(std::uint16_t port) const noexcept {
  if (family() == Family::unix_domain) return *this;
  // The port stands at the same place in both families (RFC 3493, 3.3).
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  Endpoint result = *this;
  const in_port_t number = htons(port);
  std::memcpy(result.storage_ + offsetof(sockaddr_in, sin_port), &number, sizeof(number));
  return result;
}

std::string Endpoint::host() const {
  char text[INET6_ADDRSTRLEN] = {};
  switch (family()) {
    case Family::ipv4: {
      const auto address = load<sockaddr_in>(*this);
      return inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text));
    }
    case Family::ipv6: {
      const auto address = load<sockaddr_in6>(*this);
      const std::string host = inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof(text));
      return host + scope_text(address.sin6_scope_id);
    }
    case Family::unix_domain:
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
    case Family::ipv4:
      return host() + ':' + std::to_string(port());
    case Family::ipv6:
      return '[' + host() + "]:" + std::to_string(port());
    case Family::unix_domain:
      break;
  }
  return "unix:" + host();
}

std::strong_ordering Endpoint::operator<=>(const Endpoint& other) const noexcept {
  if (family() != other.family()) return family() <=> other.family();
  std::array<char, inet_key_max> room;
  std::array<char, inet_key_max> room_of_other;
  return key_of(*this, room).compare(key_of(other, room_of_other)) <=> 0;
}

std::size_t Endpoint::hash() const noexcept {
  std::array<char, inet_key_max> room;
  return std::hash<std::string_view>{}(key_of(*this, room));
}

}  // namespace rondo
