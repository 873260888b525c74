// SPDX-License-Identifier: MIT
// rondo: a task that waits for signals.
//
//     rondo::Signals signals{reactor, {SIGHUP, SIGUSR1}};
//     while (true) {
//       const int number = co_await signals.next();
//       number == SIGHUP ? reload() : report();
//     }
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <initializer_list>
#include <memory>

#include <rondo/reactor.h>
#include <rondo/result.h>
#include <rondo/task.h>
#include <rondo/wait_place.h>

namespace rondo {

/// Several signals, from its making on: each that arrives is kept until next() has returned it.
/// Several arrivals of a number that was not yet returned count as one, as always with signals. It
/// keeps Reactor::run() from returning only while a task waits. What Signal says of the process's
/// signal handlers holds here, too. Destroy it before the reactor, and after a task that waits in
/// next(). Use it on the reactor's thread only. For the end of a program, see stopping().
class RONDO_EXPORT Signals {
 public:
  class Next;

  /// Throws std::system_error where make() returns the error.
  Signals(Reactor& reactor, std::initializer_list<int> numbers);
  /// Errors: those of Signal::make().
  [[nodiscard]] static Result<Signals> make(Reactor& reactor, std::initializer_list<int> numbers);
  Signals(Signals&& other) noexcept;
  Signals& operator=(Signals&& other) = delete;
  ~Signals();

  /// Waits for the next signal, and returns its number: those that have arrived, in their order. If
  /// it is cancelled, it has taken none. One task at a time may wait.
  detail::Awaitable<Next, Signals*> next() noexcept {
    return detail::Awaitable<Next, Signals*>{this};
  }

 private:
  class Impl;
  explicit Signals(std::unique_ptr<Impl> impl) noexcept;

  std::unique_ptr<Impl> impl_;
};

class RONDO_EXPORT Signals::Next final : public detail::WaitPlace::Waiter {
 public:
  explicit Next(Signals* signals) noexcept : impl_(*signals->impl_) {}

  [[nodiscard]] bool await_ready() const noexcept;
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) {
    suspend(task.promise());
  }
  [[nodiscard]] int await_resume() noexcept;

 private:
  void suspend(detail::TaskPromise& task);

  Impl& impl_;
  WorkGuard work_guard_;
};

}  // namespace rondo
