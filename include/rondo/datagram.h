// rondo: datagrams, received and sent in batches: UDP, and the Unix family's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
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

/// One that has arrived. Lent: what it refers to lives until on_datagrams() returns.
struct Datagram {
  Bytes data;            ///< may be empty: a datagram of 0 bytes is one
  const Endpoint& from;  ///< `unix:` for a sender without a name
  /// With DatagramOptions::packet_info, where it came in; see MessageInfo.
  const MessageInfo& info;
  bool truncated;    ///< it was larger than datagram_size_max
  std::size_t size;  ///< before it was truncated; 0: this system does not tell
};

/// Implement it, and hand it to DatagramSocket::make. A callback may destroy anything but the
/// reactor, the socket that calls it included. An exception leaves through Reactor::run; what was
/// sent before it still goes.
class DatagramHandler {
 public:
  /// All that one look found, in order. What is sent from inside leaves together, right after.
  virtual void on_datagrams(DatagramSocket& socket, std::span<const Datagram> received) = 0;

  /// Something went wrong, and the socket goes on. With `to`: that datagram was not sent. Without:
  /// a call found it, such as connection_refused, by which a connected socket learns that an
  /// earlier datagram met nobody. Reading ends only by what cannot pass, such as
  /// bad_file_descriptor.
  virtual void on_error(DatagramSocket& socket, std::error_code error, const Endpoint* to) {
    (void)socket, (void)error, (void)to;  // counted in any case
  }

  /// Of SocketType::seqpacket alone: the peer has gone, nothing more will come.
  virtual void on_end(DatagramSocket& socket) {
    (void)socket;  // who does not care may leave it
  }

 protected:
  ~DatagramHandler() = default;
};

struct DatagramOptions {
  SocketOptions socket{};
  bool broadcast = false;
  std::optional<int> ttl{};
  std::optional<int> multicast_ttl{};
  std::optional<bool> multicast_loop{};                ///< own datagrams come back to this host
  std::optional<std::uint32_t> multicast_interface{};  ///< index: where groups are sent to
  bool packet_info = false;      ///< tell to which address and interface a datagram came
  bool receive_offload = false;  ///< GRO: the kernel hands over many at once; taken apart here
  bool send_offload = false;     ///< GSO: alike ones that follow one another go as one
  std::size_t datagram_size_max = 65'535;    ///< larger ones are truncated
  std::size_t datagrams_per_turn_max = 256;  ///< then the other handlers have their turn
  /// What waits to be sent, with 160 bytes more for each; beyond it, send() drops.
  std::size_t output_bytes_max = std::size_t{1} << 20;
  bool keep_unsent = true;  ///< keep what the kernel does not take at once, else drop it
};

/// A socket of datagrams. Input: read in batches into a buffer that the reactor's sockets share.
/// Output: collected, and sent in one call right after on_datagrams, or, from elsewhere, before the
/// next wait; what the kernel does not take then is kept, within a limit, until it does. Destroying
/// it tries once more to send what is left. Not after the reactor. Thread: the reactor's.
class RONDO_EXPORT DatagramSocket {
 public:
  struct Counters {
    std::uint64_t received = 0;
    std::uint64_t received_bytes = 0;
    std::uint64_t truncated = 0;
    std::uint64_t sent = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t overflowed = 0;  ///< dropped by send(), as output_bytes_max was reached
    std::uint64_t dropped = 0;  ///< refused by the kernel; on_error has told all but keep_unsent's
    std::uint64_t errors = 0;   ///< calls of on_error
  };

  /// Bound to `local`: Endpoint::any(0) for a client. Errors: as Socket::listen, named. `handler`
  /// outlives the socket. What could not be applied of the options is in unapplied().
  [[nodiscard]] static Result<DatagramSocket> make(Reactor& reactor, const Endpoint& local,
                                                   DatagramHandler& handler,
                                                   const DatagramOptions& options = {});
  /// Connected: sends to `peer` and hears from nobody else.
  [[nodiscard]] static Result<DatagramSocket> connect(Reactor& reactor, const Endpoint& peer,
                                                      DatagramHandler& handler,
                                                      const DatagramOptions& options = {});
  /// A socket of datagrams, or a connected one of SocketType::seqpacket, such as one of a pair. No
  /// message of seqpacket is empty: that is its end. options.socket, which comes before bind, is
  /// left alone.
  [[nodiscard]] static Result<DatagramSocket> adopt(Reactor& reactor, Socket socket,
                                                    DatagramHandler& handler,
                                                    const DatagramOptions& options = {});
  DatagramSocket(DatagramSocket&& other) noexcept;
  DatagramSocket& operator=(DatagramSocket&& other) noexcept;
  ~DatagramSocket();

  /// Copies `data` and sends it soon. False: dropped, as too much waits already. Whether it was
  /// sent is told by on_error and the counters; whether it arrived, by nobody.
  bool send(Bytes data, const Endpoint& to);
  /// To the peer of a connected socket.
  bool send(Bytes data);
  /// To the sender of `datagram`; with packet_info, from the address that it was sent to.
  bool reply(const Datagram& datagram, Bytes data);

  /// From now on sends to `peer`, and hears from nobody else.
  [[nodiscard]] std::error_code connect_to(const Endpoint& peer) noexcept;

  /// Membership of a multicast group, on the interface of that index; 0: the system's choice.
  [[nodiscard]] std::error_code join(const Endpoint& group, std::uint32_t interface = 0) noexcept;
  [[nodiscard]] std::error_code leave(const Endpoint& group, std::uint32_t interface = 0) noexcept;

  /// Leaves what comes in the kernel's buffer, which drops what it cannot hold; until resume().
  void pause() noexcept;
  void resume() noexcept;

  /// A socket that is not referenced does not keep run() from returning. New ones are.
  void ref() noexcept;
  void unref() noexcept;

  /// Where it is bound, with the port the system chose.
  [[nodiscard]] Result<Endpoint, std::error_code> local_endpoint() const noexcept;
  [[nodiscard]] const Counters& counters() const noexcept;
  /// Bytes that wait to be sent.
  [[nodiscard]] std::size_t unsent_bytes() const noexcept;
  [[nodiscard]] const std::vector<UnappliedOption>& unapplied() const noexcept;
  /// For options that have no place here. It stays this object's.
  [[nodiscard]] Socket& socket() noexcept;

 private:
  class Impl;
  explicit DatagramSocket(Impl& impl) noexcept;
  [[nodiscard]] static Result<DatagramSocket> start(Reactor& reactor, Socket socket,
                                                    const Endpoint& where, DatagramHandler& handler,
                                                    const DatagramOptions& options,
                                                    std::vector<UnappliedOption> unapplied);

  Impl* impl_;  // deletes itself, after the callback that is running
};

}  // namespace rondo
