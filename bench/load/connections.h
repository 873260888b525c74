// SPDX-License-Identifier: MIT
// load: TCP connections to an echo server, and the loop on epoll that drives them.
#pragma once

#include <netinet/in.h>
#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "load.h"
#include "message.h"
#include "security.h"

namespace load {

struct Target {
  sockaddr_in address;
  Security* security = nullptr;  ///< null: plain
};

/// A load of connections, each of which has one message in flight at most. What is left to a load
/// is when a connection is opened, and what follows a reply.
class Connections : public Load {
 public:
  Connections(const Target& server, std::size_t message_size, int server_pid, Progress& progress);
  /// Resets the connections, so that none of them remains in TIME_WAIT.
  ~Connections() override;

 protected:
  struct Connection {
    int fd = -1;
    ssl_st* ssl = nullptr;  // if the connection has TLS
    bool is_in_flight = false;
    bool is_blocked = false;  // a part of the message waits until the socket is writable
    std::uint32_t sent = 0;
    std::uint32_t received = 0;
    std::uint64_t sequence = 0;     // the number of its message
    std::uint64_t began_at_ns = 0;  // when the latency of its message begins
  };

  /// All of a message has come back; it has been counted.
  virtual void on_reply(Connection& connection, std::uint64_t now) = 0;
  /// The server closed the connection (`error` is 0), or a call failed. Ends the process unless it
  /// is overridden.
  virtual void on_end(Connection& connection, int error);
  /// Events of what was watched under `other`.
  virtual void on_other(std::uint32_t) {}

  void turn(std::uint64_t until_ns) override;
  [[nodiscard]] bool is_busy() const noexcept override { return in_flight_ > 0; }

  /// Begins to connect, and sends a message as soon as that is possible. False, with errno: the
  /// system has run out of something.
  bool open(Connection& connection);
  void send_message(Connection& connection, std::uint64_t began_at_ns);
  /// Removes the connection from the loop; its TLS ends, and its descriptor is the
  /// caller's to close.
  int take(Connection& connection) noexcept;
  void watch(int fd, std::uint64_t number, std::uint32_t events, int operation);
  [[nodiscard]] std::uint64_t number_of(const Connection& connection) const noexcept {
    return static_cast<std::uint64_t>(&connection - connections_.data());
  }

  static constexpr std::uint64_t other = without_limit;  // the number of no connection

  const Target server_;
  std::vector<Connection> connections_;

 private:
  void continue_sending(Connection& connection);
  void watch_for_room(Connection& connection, bool is_blocked);
  void receive(Connection& connection);

  int poller_;
  std::vector<epoll_event> events_;
  Message message_;  // made again for each call that needs one
  std::vector<std::byte> input_;
  std::size_t in_flight_ = 0;
};

}  // namespace load
