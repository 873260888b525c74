// rondo: where a socket is: an IPv4 or IPv6 address with a port, or a name in the Unix family.
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

/// A value: copied, compared, hashed, printed. Written as `127.0.0.1:5000`, `[::1]:5000`,
/// `[fe80::1%eth0]:80`, `unix:/path`, `unix:@abstract`; an unbound Unix socket prints as `unix:`.
class RONDO_EXPORT Endpoint {
 public:
  /// 0.0.0.0:0.
  Endpoint() noexcept;

  /// The inverse of to_string(). Addresses are numeric; names are a resolver's work. Port 0 means
  /// any. Nothing is truncated, guessed or skipped. An abstract name may contain any byte; a path
  /// no NUL. Errors: invalid_argument, with what is wrong in the message (an empty name is wrong
  /// too); filename_too_long beyond 107 bytes of Unix name; no_such_device for an unknown scope.
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text);

  /// 127.0.0.1 and 0.0.0.0, ::1 and ::, with a port.
  [[nodiscard]] static Endpoint loopback(std::uint16_t port,
                                         AddressFamily family = AddressFamily::ipv4) noexcept;
  [[nodiscard]] static Endpoint any(std::uint16_t port,
                                    AddressFamily family = AddressFamily::ipv4) noexcept;

  /// A copy of what the system wrote (bind(2), ip(7), ipv6(7), unix(7)). Errors: invalid_argument
  /// for a size that does not fit its family, address_family_not_supported for another family.
  [[nodiscard]] static Result<Endpoint, std::error_code> from_system(const ::sockaddr* address,
                                                                     std::size_t size) noexcept;
  /// What the system's calls take. Lives as long as the endpoint is not changed.
  [[nodiscard]] const ::sockaddr* system() const noexcept;
  [[nodiscard]] std::size_t system_size() const noexcept { return size_; }

  [[nodiscard]] AddressFamily family() const noexcept;
  /// 0 in the Unix family.
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// The same address with another port; unchanged in the Unix family.
  [[nodiscard]] Endpoint with_port(std::uint16_t port) const noexcept;
  /// The address alone: `127.0.0.1`, `fe80::1%eth0`, `/path`, `@abstract`.
  [[nodiscard]] std::string host() const;
  [[nodiscard]] std::string to_string() const;

  /// By address, port, scope and name; what the system keeps beside them (a flow label) is not
  /// compared. Ordered by family, then address, then port.
  [[nodiscard]] bool operator==(const Endpoint& other) const noexcept {
    return (*this <=> other) == 0;
  }
  [[nodiscard]] std::strong_ordering operator<=>(const Endpoint& other) const noexcept;
  [[nodiscard]] std::size_t hash() const noexcept;

 private:
  static constexpr std::size_t storage_size = 112;  // holds a sockaddr_un, the largest of the three

  std::uint32_t size_ = 0;
  alignas(8) std::byte storage_[storage_size] = {};
};

/// What belongs to a datagram beside its bytes and its sender or destination.
struct MessageInfo {
  /// receive, with SocketOption::packet_info: the address it was sent to, with port 0. send: the
  /// address it is to come from. Endpoint{}: not known, the system's choice.
  Endpoint local{};
  /// Index; 0: not known, the system's choice. To choose it alone on an IPv6 socket, let `local` be
  /// Endpoint::any(0, AddressFamily::ipv6).
  std::uint32_t interface = 0;
  bool unicast = false;        ///< receive: `local` is this host's own, no group's, no broadcast
  std::size_t whole_size = 0;  ///< receive: before it was truncated; 0: not told
  /// Not 0: these are several datagrams of so many bytes, of which the last may be shorter.
  /// receive: with SocketOption::receive_offload. send: EINVAL, EIO, EMSGSIZE, EOPNOTSUPP where
  /// that cannot be.
  std::size_t segment_size = 0;
};

}  // namespace rondo

template <>
struct std::hash<rondo::Endpoint> {
  std::size_t operator()(const rondo::Endpoint& endpoint) const noexcept { return endpoint.hash(); }
};
