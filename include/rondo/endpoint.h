// SPDX-License-Identifier: MIT
// rondo: the address of a socket: IPv4 or IPv6 with a port, or a name in the Unix family.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <rondo/export.h>
#include <rondo/net.h>
#include <rondo/result.h>

struct sockaddr;

namespace rondo {

/// A value that can be copied, compared, hashed and printed. Its text has the form
/// `127.0.0.1:5000`,
/// `[::1]:5000`, `[fe80::1%eth0]:80`, `unix:/path` or `unix:@abstract`. The address of an unbound
/// Unix socket is printed as `unix:`.
///
///     const auto endpoint = rondo::Endpoint::parse("127.0.0.1:8888");
///     if (!endpoint) return rondo::print_error(endpoint.error());
class RONDO_EXPORT Endpoint {
 public:
  /// 0.0.0.0:0.
  Endpoint() noexcept;

  /// The inverse of to_string(). Addresses are numeric; to look up a name, use a Resolver. Port 0
  /// means any port. Nothing is truncated, guessed or skipped. An abstract name may contain any
  /// byte, a path anything but NUL. Errors: invalid_argument, with the reason in the message (an
  /// empty name is invalid too); filename_too_long for a Unix name of more than 107 bytes;
  /// no_such_device for an unknown scope.
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text);

  /// 127.0.0.1 and 0.0.0.0, ::1 and ::, with a port.
  [[nodiscard]] static Endpoint loopback(std::uint16_t port,
                                         AddressFamily family = AddressFamily::ipv4) noexcept;
  /// 0.0.0.0 or ::, with a port: every address of this host, for a listener.
  [[nodiscard]] static Endpoint any(std::uint16_t port,
                                    AddressFamily family = AddressFamily::ipv4) noexcept;

  /// A copy of a sockaddr (bind(2), ip(7), ipv6(7), unix(7)). Errors: invalid_argument if `size`
  /// does not fit the family, address_family_not_supported for another family.
  [[nodiscard]] static Result<Endpoint, std::error_code> from_system(const ::sockaddr* address,
                                                                     std::size_t size) noexcept;
  /// The sockaddr for system calls. It is valid until the endpoint changes or is destroyed.
  [[nodiscard]] const ::sockaddr* system() const noexcept;
  /// The size of that sockaddr in bytes, as the system calls want it.
  [[nodiscard]] std::size_t system_size() const noexcept { return size_; }

  /// Which kind of address it is.
  [[nodiscard]] AddressFamily family() const noexcept;
  /// 0 for the Unix family.
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// The same address with another port. An address of the Unix family stays as it is.
  [[nodiscard]] Endpoint with_port(std::uint16_t port) const noexcept;
  /// The IPv4 address that an IPv4-mapped IPv6 address stands for (RFC 4291, 2.5.5.2; a socket that
  /// serves both families reports such addresses), with its port; any other address unchanged.
  [[nodiscard]] Endpoint unmapped() const noexcept;
  /// The first `prefix_length` bits of the address, and no port: its network. For IPv4 at most 32
  /// bits count, for IPv6 128. An address of the Unix family stays as it is.
  [[nodiscard]] Endpoint network(unsigned prefix_length) const noexcept;
  /// Whether it is in fe80::/10 or 169.254.0.0/16: hosts on one link choose such addresses.
  [[nodiscard]] bool is_link_local() const noexcept;
  /// The address without the port: `127.0.0.1`, `fe80::1%eth0`, `/path`, `@abstract`.
  [[nodiscard]] std::string host() const;
  /// The text that parse() reads: `127.0.0.1:5000`, `[::1]:5000`, `unix:/path`.
  [[nodiscard]] std::string to_string() const;

  /// Compares address, port, scope and name, but not the flow label. The order is by family, then
  /// address, then port.
  [[nodiscard]] bool operator==(const Endpoint& other) const noexcept {
    return (*this <=> other) == 0;
  }
  /// By family, then address, then port, so that endpoints can be sorted.
  [[nodiscard]] std::strong_ordering operator<=>(const Endpoint& other) const noexcept;
  /// Equal for equal endpoints; std::hash uses it.
  [[nodiscard]] std::size_t hash() const noexcept;

 private:
  static constexpr std::size_t storage_size = 112;  // holds a sockaddr_un, the largest of the three

  std::uint32_t size_ = 0;
  alignas(8) std::byte storage_[storage_size] = {};
};

/// Facts about a datagram besides its bytes and its sender or destination.
struct MessageInfo {
  /// receive, with SocketOption::packet_info: the address it was sent to, with port 0. send: its
  /// source address. Endpoint{}: not known, or the choice of the system.
  Endpoint local{};
  /// The index of the interface; 0: not known, or the choice of the system. To choose only the
  /// interface on an IPv6 socket, set `local` to Endpoint::any(0, AddressFamily::ipv6).
  std::uint32_t interface = 0;
  bool unicast = false;        ///< receive: `local` is an address of this host, not a group's
  std::size_t whole_size = 0;  ///< receive: the size before it was truncated; 0: not known
  /// If not 0, the data is several datagrams of this many bytes, of which the last may be shorter.
  /// receive: with SocketOption::receive_offload. send: fails with EINVAL, EIO, EMSGSIZE or
  /// EOPNOTSUPP if the system cannot do that.
  std::size_t segment_size = 0;
};

}  // namespace rondo

template <>
struct std::hash<rondo::Endpoint> {
  std::size_t operator()(const rondo::Endpoint& endpoint) const noexcept { return endpoint.hash(); }
};
