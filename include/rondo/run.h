// SPDX-License-Identifier: MIT
// rondo: a program that is a coroutine.
//
//     rondo::Task<> program(rondo::Reactor& reactor) {
//       auto server = rondo::serve(reactor, "127.0.0.1:7", echo).value();
//       co_await rondo::stopping();  // Ctrl-C
//       co_await rondo::drained(server, 10s);
//     }
//     int main() { return rondo::run(program); }
#pragma once

#include <rondo/export.h>

#include <chrono>
#include <coroutine>
#include <cstdlib>
#include <optional>
#include <type_traits>
#include <utility>

#include <rondo/reactor.h>
#include <rondo/server.h>
#include <rondo/sync.h>
#include <rondo/task.h>
#include <rondo/time.h>

namespace rondo {

/// `return rondo::run(program, {.reactor = {.backend = "epoll"}})`
struct RunOptions {
  ReactorOptions reactor{};  ///< for the reactor that it makes
  /// How long the program may take to end after SIGINT or SIGTERM.
  Duration stop_timeout = std::chrono::seconds{10};
};

namespace detail {

class RONDO_EXPORT Stopping {
 public:
  Stopping() noexcept = default;
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;
  ~Stopping() = default;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> task) {
    return suspend(task.promise());
  }
  void await_resume() const noexcept {}

 private:
  [[nodiscard]] bool suspend(TaskPromise& task);
  std::optional<Event::Waiter> waiter_;
  std::optional<WorkGuard> work_guard_;
};

class RONDO_EXPORT Drained {
 public:
  Drained(Server* server, Duration timeout) noexcept : server_(server), timeout_(timeout) {}
  Drained(const Drained&) = delete;
  Drained& operator=(const Drained&) = delete;
  ~Drained();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) {
    suspend(task.promise());
  }
  void await_resume() const noexcept {}

 private:
  struct Link;
  void suspend(TaskPromise& task);

  Server* server_;
  Duration timeout_;
  Link* link_ = nullptr;
  Wait wait_;
};

/// A program, as the library sees it.
class RONDO_EXPORT Program {
 public:
  /// Returns the exit code.
  [[nodiscard]] int run(const RunOptions& options) noexcept;

 protected:
  ~Program() = default;

 private:
  virtual Task<> start(Reactor& reactor, int& exit_code) = 0;
};

template <typename T>
Task<> run_to_its_end(Task<T> task, int& exit_code) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(task);
    exit_code = EXIT_SUCCESS;
  } else {
    exit_code = co_await std::move(task);
  }
}

}  // namespace detail

/// Runs the task `program(reactor)`, a Task<> or a Task<int> that returns the exit code, on a
/// reactor of its own, and returns the exit code. An exception that leaves it is printed, as
/// print_error() does: EXIT_FAILURE.
///
/// SIGINT (Ctrl-C) and SIGTERM end the program: the tasks that wait in stopping() continue, those
/// that await it later do not wait, and the program has stop_timeout to end by itself. If no task
/// has ever awaited it, if the time has passed, or at a second signal, the program is cancelled;
/// the exit code is then 128 and the number of the signal. If nothing is left that the program
/// could wait for, that is printed, with EXIT_FAILURE.
template <typename F>
  requires std::is_invocable_v<F&, Reactor&>
[[nodiscard]] int run(F program, const RunOptions& options = {}) {
  class Running final : public detail::Program {
   public:
    explicit Running(F& function) noexcept : function_(function) {}

   private:
    Task<> start(Reactor& reactor, int& exit_code) override {
      return detail::run_to_its_end(function_(reactor), exit_code);
    }
    F& function_;
  } running{program};
  return running.detail::Program::run(options);
}

/// Waits until the program is to end: run() sets it at a signal, request_stop() at any time.
inline detail::Awaitable<detail::Stopping> stopping() noexcept {
  return detail::Awaitable<detail::Stopping>{};
}
/// Lets those that wait in stopping() on this reactor continue.
RONDO_EXPORT void request_stop(Reactor& reactor);

/// Calls server.drain(timeout), and waits until the last connection has ended.
inline detail::Awaitable<detail::Drained, Server*, Duration> drained(Server& server,
                                                                     Duration timeout) noexcept {
  return detail::Awaitable<detail::Drained, Server*, Duration>{&server, timeout};
}

}  // namespace rondo
