// SPDX-License-Identifier: MIT
// rondo: a task that accepts connections. For one that serves each of them, see serve().
//
//     auto listener = rondo::Listener::make(reactor, rondo::Endpoint::loopback(8888)).value();
//     while (true) {
//       auto [socket, peer] = co_await listener.accept();
//       group.spawn(handle(std::move(socket)));
//     }
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <memory>

#include <rondo/acceptor.h>
#include <rondo/endpoint.h>
#include <rondo/result.h>
#include <rondo/socket.h>
#include <rondo/task.h>
#include <rondo/wait_place.h>

namespace rondo {

class Reactor;

/// An Acceptor for a task. While no task waits in accept(), it is paused: clients wait in the
/// listen queue. Destroy it before the reactor, and after a task that waits in accept(). Use it on
/// the reactor's thread only.
class RONDO_EXPORT Listener {
 public:
  class Accept;

  /// Errors: those of Acceptor::make().
  [[nodiscard]] static Result<Listener> make(Reactor& reactor, const Endpoint& local,
                                             const AcceptorOptions& options = {});
  /// From a socket that is listening. Errors: those of Acceptor::adopt().
  [[nodiscard]] static Result<Listener> adopt(Reactor& reactor, Socket listener,
                                              const AcceptLimits& limits = {});
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) = delete;
  ~Listener();

  /// Waits for a connection: Socket::Accepted, the socket and the peer. If it is cancelled, it has
  /// accepted none. Throws a std::system_error if accepting fails for a reason that waiting cannot
  /// cure, see Acceptor::set_error_handler(); the next accept() tries again. One task at a time may
  /// wait.
  detail::Awaitable<Accept, Listener*> accept() noexcept {
    return detail::Awaitable<Accept, Listener*>{this};
  }

  /// The address of the listener, with the port that the system chose.
  [[nodiscard]] const Endpoint& local_endpoint() const noexcept;
  /// For its counters and the options that could not be set. Leave pause() and resume() to this
  /// object.
  [[nodiscard]] const Acceptor& acceptor() const noexcept;

 private:
  class Impl;
  explicit Listener(std::unique_ptr<Impl> impl) noexcept;

  std::unique_ptr<Impl> impl_;
};

class RONDO_EXPORT Listener::Accept final : public detail::WaitPlace::Waiter {
 public:
  explicit Accept(Listener* listener) noexcept : impl_(*listener->impl_) {}
  ~Accept();

  [[nodiscard]] bool await_ready() const noexcept;
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) noexcept {
    suspend(task.promise());
  }
  [[nodiscard]] Socket::Accepted await_resume();

 private:
  void suspend(detail::TaskPromise& task) noexcept;

  Impl& impl_;
};

}  // namespace rondo
