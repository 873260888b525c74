// SPDX-License-Identifier: MIT
// rondo: a client's connection, awaited.
//
//     const auto server = co_await rondo::open_connection("example.org:80");
//     server->write("GET / HTTP/1.0\r\n\r\n");
//     while (const auto data = co_await server->read()) std::cout << data.text();
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <memory>
#include <string_view>
#include <type_traits>

#include <rondo/client.h>
#include <rondo/connection.h>
#include <rondo/result.h>
#include <rondo/socket.h>
#include <rondo/stream.h>
#include <rondo/task.h>

namespace rondo {

class Reactor;
class OpenConnection;

// g++ 12 destroys some temporaries of a co_await expression twice; options may be one.
static_assert(std::is_trivially_destructible_v<ConnectOptions>);

/// Connects as rondo::connect() does, on the reactor of the task that awaits it. The result is a
/// std::unique_ptr<Connection>; destroying that closes the connection, and output that has not left
/// is lost: await flushed() before, or Connection::close() and closed(). Throws Disconnected
/// (not_connected) with the message of Close, such as `connect to 127.0.0.1:1: Connection refused`.
/// If the task is cancelled, the attempt ends. `target` and `options` live until the await has
/// ended.
inline detail::Awaitable<OpenConnection, std::string_view, const ConnectOptions*> open_connection(
    std::string_view target, const ConnectOptions& options = {}) noexcept {
  return detail::Awaitable<OpenConnection, std::string_view, const ConnectOptions*>{target,
                                                                                    &options};
}

/// A connection over a socket that is connected. Errors: those of Stream::adopt().
[[nodiscard]] RONDO_EXPORT Result<std::unique_ptr<Connection>> adopt_connection(
    Reactor& reactor, Socket socket, const StreamOptions& options = {});
/// A connection over `stream`, such as the output of a Process, whose handler it becomes. What the
/// stream has passed to an earlier handler is not read again.
[[nodiscard]] RONDO_EXPORT std::unique_ptr<Connection> adopt_connection(
    std::unique_ptr<Stream> stream);
/// The program's standard input, which a task reads. Errors: those of Stream::standard_input().
[[nodiscard]] RONDO_EXPORT Result<std::unique_ptr<Connection>> open_standard_input(
    Reactor& reactor, const StreamOptions& options = {});

class RONDO_EXPORT OpenConnection {
 public:
  OpenConnection(std::string_view target, const ConnectOptions* options) noexcept
      : target_(target), options_(options) {}
  OpenConnection(const OpenConnection&) = delete;
  OpenConnection& operator=(const OpenConnection&) = delete;
  ~OpenConnection();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) {
    suspend(task.promise());
  }
  [[nodiscard]] std::unique_ptr<Connection> await_resume();

 private:
  class Owned;
  friend Result<std::unique_ptr<Connection>> adopt_connection(Reactor&, Socket,
                                                              const StreamOptions&);
  friend std::unique_ptr<Connection> adopt_connection(std::unique_ptr<Stream>);
  friend Result<std::unique_ptr<Connection>> open_standard_input(Reactor&, const StreamOptions&);
  template <typename Make>
  [[nodiscard]] static Result<std::unique_ptr<Connection>> make_over(Make make);
  void suspend(detail::TaskPromise& task);

  std::string_view target_;
  const ConnectOptions* options_;
  std::unique_ptr<Connection> connection_;  // an Owned
  detail::Wait wait_;
};

}  // namespace rondo
