// SPDX-License-Identifier: MIT
// rondo: datagrams of UDP and of the Unix family, received and sent in batches.
//
//     struct Echo : rondo::DatagramHandler {
//       void on_datagrams(rondo::DatagramSocket& socket,
//                         std::span<const rondo::Datagram> received) override {
//         for (const rondo::Datagram& datagram : received) socket.reply(datagram, datagram.data);
//       }
//     };
//     Echo echo;
//     auto socket = rondo::DatagramSocket::make(reactor, rondo::Endpoint::any(7), echo);
//     if (!socket) return rondo::print_error(socket.error());
//     if (const auto ran = reactor.run(); !ran) return rondo::print_error(ran.error());
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/export.h>
#include <rondo/net.h>
#include <rondo/options.h>
#include <rondo/result.h>
#include <rondo/socket.h>

namespace rondo {

class DatagramSocket;
class Reactor;

/// A datagram that has arrived. It is lent: what it refers to lives until on_datagrams() returns.
struct Datagram {
  Bytes data;            ///< may be empty: a datagram of 0 bytes is valid
  const Endpoint& from;  ///< `unix:` if the sender has no name
  /// With DatagramOptions::packet_info, where the datagram came in; see MessageInfo.
  const MessageInfo& info;
  bool truncated;    ///< the datagram was larger than datagram_size_max
  std::size_t size;  ///< the size before truncation; 0 if the system does not report it

  /// The bytes as text, in whatever encoding they are.
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
  }
};

/// Receives what a DatagramSocket reports. A callback may destroy anything but the reactor, also
/// the socket that calls it. If it throws, the exception leaves through Reactor::run(), and what it
/// has sent before is still sent.
class DatagramHandler {
 public:
  /// A batch of datagrams, in the order of their arrival. Datagrams that are sent from inside leave
  /// together after the callback.
  virtual void on_datagrams(DatagramSocket& socket, std::span<const Datagram> received) = 0;

  /// An error; the socket goes on. With `to`, a datagram to that address was not sent. Without
  /// `to`, a system call reported it: connection_refused, for example, informs a connected socket
  /// that an earlier datagram reached a port on which no program receives. Only an error that
  /// lasts, such as bad_file_descriptor, ends reading; see resume().
  virtual void on_error(DatagramSocket& socket, std::error_code error, const Endpoint* to) {
    (void)socket, (void)error, (void)to;  // counted in any case
  }

  /// The peer of a SocketType::seqpacket socket has closed it; nothing more will arrive.
  virtual void on_end(DatagramSocket& socket) { (void)socket; }

 protected:
  ~DatagramHandler() = default;
};

/// `DatagramSocket::make(reactor, endpoint, handler, {.broadcast = true})`
struct DatagramOptions {
  SocketOptions socket{};    ///< reuse_port, buffers and what else precedes bind
  bool broadcast = false;    ///< allow datagrams to broadcast addresses
  std::optional<int> ttl{};  ///< hops, for datagrams to one host; empty: the system's default
  /// Hops, for datagrams to groups; empty: the system's default.
  std::optional<int> multicast_ttl{};
  std::optional<bool> multicast_loop{};                ///< this host receives its own datagrams
  std::optional<std::uint32_t> multicast_interface{};  ///< index: by which groups are sent to
  bool packet_info = false;      ///< fill Datagram::info: the address and the interface
  bool receive_offload = false;  ///< GRO: the kernel joins datagrams; the socket splits them
  bool send_offload = false;     ///< GSO: equal-sized datagrams to one address leave as one
  std::size_t datagram_size_max = 65'535;    ///< a larger datagram is truncated; at least 1
  std::size_t datagrams_per_turn_max = 256;  ///< then the other handlers run; at least 1
  /// Hard limit for datagrams that wait to be sent, each counted with 160 bytes more: what waits is
  /// offered to the system, and if it does not take enough, send() drops what would exceed the
  /// limit. `unlimited`: no limit.
  std::size_t write_buffer_max = std::size_t{1} << 20;
  bool keep_unsent = true;  ///< keep what the kernel does not take at once; if not, drop it
};

/// A socket of datagrams. Input is read in batches, into a buffer that all sockets of the reactor
/// share. Output is collected and sent in one system call: after on_datagrams(), or, if it was sent
/// from elsewhere, before the next wait. What the kernel does not take is kept, up to
/// write_buffer_max, until it does. Destroying the socket tries once more to send what is left.
/// Destroy it before the reactor. Use it on the reactor's thread only.
class RONDO_EXPORT DatagramSocket {
 public:
  /// What has happened since the socket was made.
  struct Counters {
    std::uint64_t received = 0;        ///< datagrams that were passed to on_datagrams()
    std::uint64_t received_bytes = 0;  ///< their bytes, without what was truncated
    std::uint64_t truncated = 0;       ///< larger than datagram_size_max
    std::uint64_t sent = 0;            ///< datagrams that the kernel has taken
    std::uint64_t sent_bytes = 0;      ///< their bytes
    std::uint64_t overflowed = 0;      ///< dropped by send(), because of write_buffer_max
    std::uint64_t dropped = 0;  ///< not taken by the kernel; without keep_unsent, not reported
    std::uint64_t errors = 0;   ///< calls of on_error()
  };

  /// A socket bound to `local`; a client passes Endpoint::any(0). `handler` must outlive the
  /// socket. A socket file that no process uses is replaced; the file of this one stays when it
  /// ends. Errors are those of Socket::listen(), as `bind to 127.0.0.1:53: Permission denied`. An
  /// option that cannot be set is no error: see unapplied().
  [[nodiscard]] static Result<DatagramSocket> make(Reactor& reactor, const Endpoint& local,
                                                   DatagramHandler& handler,
                                                   const DatagramOptions& options = {});
  /// A connected socket: it sends to `peer`, and receives from `peer` only.
  [[nodiscard]] static Result<DatagramSocket> connect(Reactor& reactor, const Endpoint& peer,
                                                      DatagramHandler& handler,
                                                      const DatagramOptions& options = {});
  /// Takes an existing socket of datagrams, or a connected one of SocketType::seqpacket, such as
  /// one of a pair, and makes it non-blocking. Send no empty message on seqpacket: it cannot be
  /// distinguished from the end. options.socket, which applies before bind, is ignored. Errors name
  /// the address, and say if the socket is of another kind; it is closed then.
  [[nodiscard]] static Result<DatagramSocket> adopt(Reactor& reactor, Socket socket,
                                                    DatagramHandler& handler,
                                                    const DatagramOptions& options = {});
  DatagramSocket(DatagramSocket&& other) noexcept;
  DatagramSocket& operator=(DatagramSocket&& other) noexcept;
  ~DatagramSocket();

  /// Copies `data` and sends it soon. Returns false if it is dropped because of write_buffer_max.
  /// Errors of sending are reported by on_error() and in the counters. Whether a datagram arrives
  /// is not reported.
  bool send(Bytes data, const Endpoint& to);
  /// The same for text.
  bool send(std::string_view text, const Endpoint& to) { return send(bytes_of(text), to); }
  /// The same, to the peer of a connected socket.
  bool send(Bytes data);
  /// The same for text.
  bool send(std::string_view text) { return send(bytes_of(text)); }
  /// The same, to the sender of `datagram`; with packet_info, from the address it was sent to.
  bool reply(const Datagram& datagram, Bytes data);
  /// The same for text.
  bool reply(const Datagram& datagram, std::string_view text) {
    return reply(datagram, bytes_of(text));
  }

  /// From now on the socket sends to `peer`, and receives from `peer` only.
  [[nodiscard]] Result<void> connect_to(const Endpoint& peer);
  /// Undoes it: from now on the socket sends to any address, and receives from any. It keeps its
  /// address and port.
  [[nodiscard]] Result<void> disconnect();

  /// Joins or leaves a multicast group, on the interface of that index; 0: the system's choice.
  /// Errors: address_in_use for a group that is joined already, address_not_available for one that
  /// is not joined, invalid_argument for an address that is no group.
  [[nodiscard]] Result<void> join(const Endpoint& group, std::uint32_t interface = 0);
  /// Leaves a group that was joined.
  [[nodiscard]] Result<void> leave(const Endpoint& group, std::uint32_t interface = 0);
  /// The same for the datagrams of one source only (RFC 3678); call it again for further ones. A
  /// group that was joined for all sources is from then on joined for `source` only. Errors:
  /// address_not_available for a source that is joined already, or is not; operation_not_supported
  /// on NetBSD and OpenBSD.
  [[nodiscard]] Result<void> join_source(const Endpoint& group, const Endpoint& source,
                                         std::uint32_t interface = 0);
  /// Leaves a group for one source; the others are still received.
  [[nodiscard]] Result<void> leave_source(const Endpoint& group, const Endpoint& source,
                                          std::uint32_t interface = 0);

  /// Stops reading until resume(). Meanwhile the kernel's buffer fills, and then drops datagrams.
  void pause() noexcept;
  /// Reads again after pause(), or after an error that has ended reading.
  void resume() noexcept;

  /// A socket that is not referenced does not keep run() from returning. New sockets are
  /// referenced.
  void ref() noexcept;
  /// Undoes ref(): run() may return while the socket exists.
  void unref() noexcept;

  /// The address it is bound to, with the port that the system has chosen.
  [[nodiscard]] Result<Endpoint> local_endpoint() const;
  /// They grow while the socket lives; the reference stays valid as long.
  [[nodiscard]] const Counters& counters() const noexcept;
  /// Bytes that wait to be sent.
  [[nodiscard]] std::size_t unsent_bytes() const noexcept;
  /// The options that could not be set. The socket works without them.
  [[nodiscard]] const std::vector<UnappliedOption>& unapplied() const noexcept;
  /// For socket options that DatagramOptions does not have. This object keeps the ownership.
  [[nodiscard]] Socket& socket() noexcept;

 private:
  class Impl;
  static Bytes bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span{text}); }
  explicit DatagramSocket(Impl& impl) noexcept;
  [[nodiscard]] static Result<DatagramSocket> start(Reactor& reactor, Socket socket,
                                                    const Endpoint& where, DatagramHandler& handler,
                                                    const DatagramOptions& options,
                                                    std::vector<UnappliedOption> unapplied);

  Impl* impl_;  // deletes itself, after the callback that is running
};

}  // namespace rondo
