// SPDX-License-Identifier: MIT
// rondo: servers whose clients are served by coroutines. connection.h includes it.
#pragma once

#include <exception>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include <rondo/connection.h>
#include <rondo/endpoint.h>
#include <rondo/export.h>
#include <rondo/net.h>
#include <rondo/result.h>
#include <rondo/server.h>
#include <rondo/stream.h>
#include <rondo/task.h>

namespace rondo {

namespace detail {

/// The connection of a client, and the coroutine that serves it: the session of a Server.
class RONDO_EXPORT ServedConnection final : public Connection, private TaskRoot {
 public:
  /// In the memory of a session. `function(connection)` returns the task.
  template <typename F>
  static StreamHandler* make(void* where, Stream& client, F& function) {
    auto* const served = ::new (where) ServedConnection{client};
    try {
      served->own(function(*served));
    } catch (...) {
      std::destroy_at(served);
      throw;
    }
    return served;
  }
  [[nodiscard]] static SessionFactory factory() noexcept;

  ~ServedConnection() override;

 private:
  explicit ServedConnection(Stream& client) noexcept : Connection(client) {}

  void own(Task<> task);
  void on_open(Stream& stream) override;
  void on_data(Stream& stream, Bytes data) override;
  void ended() noexcept override { task_ = nullptr; }
  [[nodiscard]] bool expects_current_exception() const noexcept override;
  void finished(std::exception_ptr exception) override;
  void condemned_is_gone() noexcept override;

  TaskPromise* task_ = nullptr;  // null: it has ended
};

}  // namespace detail

/// Each client is served by what `function(connection)` returns, a Task<>. When it ends, the
/// connection is closed, after its output was sent. An exception that leaves it aborts the
/// connection, and goes where those of sessions go; Disconnected of this connection is no error.
/// `function` lives as long as the server has clients, so a lambda may capture what outlives the
/// server.
template <typename F>
  requires std::is_invocable_r_v<Task<>, F&, Connection&>
[[nodiscard]] SessionFactory session_factory(F function) {
  SessionFactory factory = detail::ServedConnection::factory();
  factory.make = [function = std::move(function)](void* where, Stream& client,
                                                  const Endpoint&) mutable {
    return detail::ServedConnection::make(where, client, function);
  };
  return factory;
}

/// The same in one line: `serve(reactor, "127.0.0.1:7", echo)`.
template <typename F>
  requires std::is_invocable_r_v<Task<>, F&, Connection&>
[[nodiscard]] Result<Server> serve(Reactor& reactor, std::string_view where, F function,
                                   const ServerOptions& options = {}) {
  return serve(reactor, where, session_factory(std::move(function)), options);
}

}  // namespace rondo
