// SPDX-License-Identifier: MIT
// rondo: the options of sockets, by name. The names that kernels use for them are in backends/.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

#include <rondo/endpoint.h>
#include <rondo/export.h>
#include <rondo/result.h>

namespace rondo {

/// A limit that is never reached.
constexpr std::size_t unlimited = SIZE_MAX;
/// A limit that follows from the number of descriptors that this process may open.
constexpr std::size_t by_descriptors = SIZE_MAX - 1;

/// The options of Net::set() and Socket::set(). Each value is an int: 0 or 1 where no unit is
/// given.
enum class SocketOption : std::uint8_t {
  // any socket
  reuse_address,   ///< bind although old connections of the port are in TIME_WAIT
  reuse_port,      ///< several sockets may be bound to the port
  receive_buffer,  ///< bytes; Linux reserves twice as many, which get() returns
  send_buffer,     ///< bytes, as receive_buffer
  busy_poll,       ///< microseconds
  linger,          ///< 0: close() resets; -1: off. A time is refused: close() would block for it
  broadcast,       ///< allow datagrams to broadcast addresses
  // IPv6
  ipv6_only,  ///< the socket does not serve IPv4
  // TCP
  nodelay,              ///< send small segments at once
  keep_alive,           ///< probe a silent peer
  keep_alive_idle,      ///< seconds of silence before the first probe
  keep_alive_interval,  ///< seconds between probes
  keep_alive_count,     ///< unanswered probes after which the connection ends
  user_timeout,         ///< milliseconds; 0: the default of the system
  notsent_lowat,        ///< bytes
  fast_open,            ///< on a listener: the number of handshakes that may be in progress
  fast_open_connect,    ///< on a client: the SYN carries the first write
  defer_accept,         ///< seconds
  // datagrams; for IPv4 or IPv6, like the socket
  ttl,                  ///< hops, for datagrams to one host
  multicast_ttl,        ///< hops, for datagrams to groups
  multicast_loop,       ///< this host receives its own datagrams to groups
  multicast_interface,  ///< an index of if_nametoindex(3); set only, since Linux cannot get it
  packet_info,          ///< receive() returns the address and interface of arrival
  receive_offload,      ///< receive() may join several datagrams of one sender: UDP_GRO
  send_offload,         ///< bytes; a larger send is divided into such datagrams: UDP_SEGMENT
};

/// The name of the enumerator, such as `notsent_lowat`.
[[nodiscard]] RONDO_EXPORT std::string_view name_of(SocketOption option) noexcept;

/// Probes that find a dead peer: `{.keep_alive = rondo::KeepAlive{.idle = 30s}}`. An empty optional
/// keeps the default of the system.
struct KeepAlive {
  std::optional<std::chrono::seconds> idle{};      ///< silence before the first probe
  std::optional<std::chrono::seconds> interval{};  ///< between probes
  std::optional<int> count{};  ///< unanswered probes after which the connection ends
};

/// The options of a socket that is made. An empty optional keeps the default of the system.
///
///     auto server = rondo::serve<Echo>(reactor, "0.0.0.0:80", {.socket = {.reuse_port = true}});
struct SocketOptions {
  std::optional<bool> nodelay{};          ///< empty: on for TCP
  std::optional<KeepAlive> keep_alive{};  ///< if given, it is on
  std::optional<bool> reuse_address{};    ///< empty: on for TCP listeners
  /// For a new listener: the number of connections that may wait to be accepted. The system limits
  /// it (net.core.somaxconn).
  int backlog = 4096;
  bool reuse_port = false;                      ///< several listeners may share the port
  bool dual_stack = false;                      ///< an IPv6 socket also serves IPv4
  std::optional<std::size_t> receive_buffer{};  ///< bytes; see SocketOption::receive_buffer
  std::optional<std::size_t> send_buffer{};     ///< bytes that may be unsent or unacknowledged
  std::optional<std::chrono::milliseconds> user_timeout{};  ///< ends after this time without an ACK
  std::optional<std::size_t> notsent_lowat{};  ///< bytes: writable only while fewer are unsent
  std::optional<int> fast_open{};              ///< listener: its queue; client: not 0 turns it on
  std::optional<std::chrono::seconds> defer_accept{};  ///< accept only after data arrived
  /// Poll the device so long before sleeping.
  std::optional<std::chrono::microseconds> busy_poll{};
  /// Below 0: off; 0: close() resets. Above 0 is refused, since close() would block the loop for so
  /// long: use StreamOptions::lingering_close.
  std::optional<std::chrono::seconds> linger{};
};

/// A requested option that could not be set. error.message() returns
/// `set notsent_lowat on 127.0.0.1:80: Protocol not available`.
struct UnappliedOption {
  SocketOption option{};  ///< which one
  Error error;            ///< why
};

}  // namespace rondo
