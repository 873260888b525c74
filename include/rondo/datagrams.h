// SPDX-License-Identifier: MIT
// rondo: a task that receives datagrams.
//
//     auto socket = rondo::Datagrams::make(reactor, rondo::Endpoint::any(7)).value();
//     while (const auto one = co_await socket.receive()) socket.reply(*one, one->data);
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <rondo/datagram.h>
#include <rondo/endpoint.h>
#include <rondo/lent_bytes.h>
#include <rondo/net.h>
#include <rondo/result.h>
#include <rondo/socket.h>
#include <rondo/task.h>
#include <rondo/wait_place.h>

namespace rondo {

class Reactor;

/// A datagram that a task has received. Its bytes are lent, until the task is suspended.
struct ReceivedDatagram {
  LentBytes data;          ///< may be empty: a datagram of 0 bytes is valid
  Endpoint from;           ///< the sender; `unix:` if it has no name
  MessageInfo info;        ///< with DatagramOptions::packet_info, where the datagram came in
  bool truncated = false;  ///< the other members are those of Datagram
  std::size_t size = 0;    ///< the size before truncation; 0 if the system does not report it

  /// The bytes as text, in whatever encoding they are; lent as `data` is.
  [[nodiscard]] std::string_view text() const noexcept { return data.text(); }
};

template <>
inline constexpr bool detail::is_lent<ReceivedDatagram> = true;

/// A DatagramSocket for a task. Datagrams arrive in batches. The rest of a batch is kept while the
/// task waits for something else; the socket is paused then, and the kernel keeps what comes.
/// Errors of sending are counted, see DatagramSocket::Counters. Destroy it before the reactor, and
/// after a task that waits in receive(). Use it on the reactor's thread only.
class RONDO_EXPORT Datagrams {
 public:
  class Receive;

  /// The same as the functions of DatagramSocket.
  [[nodiscard]] static Result<Datagrams> make(Reactor& reactor, const Endpoint& local,
                                              const DatagramOptions& options = {});
  /// As DatagramSocket::connect().
  [[nodiscard]] static Result<Datagrams> connect(Reactor& reactor, const Endpoint& peer,
                                                 const DatagramOptions& options = {});
  /// As DatagramSocket::adopt().
  [[nodiscard]] static Result<Datagrams> adopt(Reactor& reactor, Socket socket,
                                               const DatagramOptions& options = {});
  Datagrams(Datagrams&& other) noexcept;
  Datagrams& operator=(Datagrams&& other) = delete;
  ~Datagrams();

  /// Waits for a datagram: std::optional<ReceivedDatagram>. Null: the peer of a
  /// SocketType::seqpacket socket has closed it. If it is cancelled, it has taken none. Throws a
  /// std::system_error for an error of receiving, such as connection_refused on a connected socket;
  /// the next receive() goes on. One task at a time may wait.
  detail::Awaitable<Receive, Datagrams*> receive() noexcept {
    return detail::Awaitable<Receive, Datagrams*>{this};
  }

  /// As the functions of DatagramSocket: they copy `data`, and await nothing.
  bool send(Bytes data, const Endpoint& to) { return socket().send(data, to); }
  /// The same for text.
  bool send(std::string_view text, const Endpoint& to) { return socket().send(text, to); }
  /// To the peer of a connected socket.
  bool send(Bytes data) { return socket().send(data); }
  /// The same for text.
  bool send(std::string_view text) { return socket().send(text); }
  /// To the sender of `datagram`; with packet_info, from the address it was sent to.
  bool reply(const ReceivedDatagram& datagram, Bytes data);
  /// The same for text.
  bool reply(const ReceivedDatagram& datagram, std::string_view text) {
    return reply(datagram, std::as_bytes(std::span{text}));
  }

  /// For addresses, groups, counters and options. Leave pause() and resume() to this object.
  [[nodiscard]] DatagramSocket& socket() noexcept;

 private:
  class Impl;
  template <typename Make>
  [[nodiscard]] static Result<Datagrams> make_by(Make make);
  explicit Datagrams(std::unique_ptr<Impl> impl) noexcept;

  std::unique_ptr<Impl> impl_;
};

class RONDO_EXPORT Datagrams::Receive final : public detail::WaitPlace::Waiter {
 public:
  explicit Receive(Datagrams* datagrams) noexcept : impl_(*datagrams->impl_) {}
  ~Receive();

  [[nodiscard]] bool await_ready() const noexcept;
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) noexcept {
    suspend(task.promise());
  }
  [[nodiscard]] std::optional<ReceivedDatagram> await_resume();

 private:
  void suspend(detail::TaskPromise& task) noexcept;

  Impl& impl_;
};

}  // namespace rondo
