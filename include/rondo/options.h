// rondo: the options of sockets, by name. What a kernel calls them stays in backends/.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/export.h>
#include <rondo/result.h>

namespace rondo {

class Socket;

/// A limit that is never reached.
constexpr std::size_t unlimited = SIZE_MAX;

/// What Net::set and Socket::set take, an int each: 0 or 1 where no unit stands.
enum class SocketOption : std::uint8_t {
  // any socket
  reuse_address,
  reuse_port,
  receive_buffer,  ///< bytes; Linux books twice as many, and get() tells those
  send_buffer,
  busy_poll,  ///< microseconds
  linger,     ///< seconds; -1: off
  broadcast,
  // IPv6
  ipv6_only,
  // TCP
  nodelay,
  keep_alive,
  keep_alive_idle,      ///< seconds
  keep_alive_interval,  ///< seconds
  keep_alive_count,
  user_timeout,       ///< milliseconds; 0: the system's
  notsent_lowat,      ///< bytes
  fast_open,          ///< on a listener: how many clients may be between SYN and handshake's end
  fast_open_connect,  ///< on a client: the first write goes with the SYN
  defer_accept,       ///< seconds
  // datagrams; of IPv4 or IPv6, as the socket is
  ttl,
  multicast_ttl,
  multicast_loop,
  multicast_interface,  ///< index, as if_nametoindex(3) tells; set only: Linux does not tell it
  packet_info,          ///< receive() tells where a datagram came in
  receive_offload,      ///< receive() may tell several datagrams of one sender as one: UDP_GRO
  send_offload,         ///< bytes of the datagrams that a larger send is cut into: UDP_SEGMENT
};

/// `notsent_lowat`: as the enumerator is written.
[[nodiscard]] RONDO_EXPORT std::string_view name_of(SocketOption option) noexcept;

struct KeepAlive {
  std::optional<std::chrono::seconds> idle{};      ///< silence before the first probe
  std::optional<std::chrono::seconds> interval{};  ///< between probes
  std::optional<int> count{};                      ///< probes without answer that end it
};

/// What is asked of a socket. An empty optional leaves what the system has by default.
struct SocketOptions {
  std::optional<bool> nodelay{};          ///< empty: on for TCP
  std::optional<KeepAlive> keep_alive{};  ///< given: on
  std::optional<bool> reuse_address{};    ///< empty: on for TCP listeners
  /// Of a listener that is opened: clients who wait to be accepted. The system caps it
  /// (net.core.somaxconn).
  int backlog = 4096;
  bool reuse_port = false;  ///< several listeners share the port
  bool dual_stack = false;  ///< an IPv6 socket serves IPv4 too
  std::optional<std::size_t> receive_buffer{};
  std::optional<std::size_t> send_buffer{};
  std::optional<std::chrono::milliseconds> user_timeout{};  ///< unacknowledged for so long: it ends
  std::optional<std::size_t> notsent_lowat{};
  std::optional<int> fast_open{};  ///< listener: its queue; client: above 0 is on
  std::optional<std::chrono::seconds> defer_accept{};  ///< accept only who has sent something
  std::optional<std::chrono::microseconds> busy_poll{};
  std::optional<std::chrono::seconds> linger{};  ///< below 0: off; 0: close resets
};

/// Where a socket stands when options are applied, which decides what concerns it.
enum class Purpose : std::uint8_t {
  listen,   ///< before bind; also what its clients are to have, where the system passes that on
  adopt,    ///< the same for a listener that was bound elsewhere: too late for reuse and dual_stack
  accept,   ///< an accepted one, of a listener that had `listen`: only what was not passed on
  connect,  ///< before connect; or an accepted one whose listener had nothing applied
  datagram  ///< before bind
};

/// One that was asked for, and is not so. error.message() reads
/// `set notsent_lowat on 127.0.0.1:80: Protocol not available`.
struct UnappliedOption {
  SocketOption option{};
  Error error;
};

/// Sets what `options` ask for on `socket`, which is at, or goes to, `where`, whose family decides
/// the defaults. Goes on after a failure; returns all that failed, empty as a rule. Errors:
/// result_out_of_range for a value that the option or an int cannot hold, no_buffer_space for a
/// buffer that the system cut short (net.core.rmem_max) and nevertheless set,
/// operation_not_supported for what only a listener has, or can no longer get, and the system's
/// own.
[[nodiscard]] RONDO_EXPORT std::vector<UnappliedOption> apply(Socket& socket, const Endpoint& where,
                                                              const SocketOptions& options,
                                                              Purpose purpose);

}  // namespace rondo
