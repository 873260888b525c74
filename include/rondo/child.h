// SPDX-License-Identifier: MIT
// rondo: a task that waits for another program.
//
//     auto child = rondo::Child::start(reactor, {"make", "all"}).value();
//     const rondo::ExitStatus status = co_await child.exited();
//
//     auto log = rondo::Collection::start(reactor, {"git", "log"}, {.timeout = 5s}).value();
//     const rondo::CollectedOutput collected = co_await log.ended();
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <memory>
#include <string>
#include <vector>

#include <rondo/exit_status.h>
#include <rondo/output_collector.h>
#include <rondo/process.h>
#include <rondo/result.h>
#include <rondo/task.h>
#include <rondo/wait_place.h>

namespace rondo {

class Reactor;

/// A Process whose end a task awaits. Destroying it kills the program, as a Process does. Destroy
/// it before the reactor, and after a task that waits in exited(). Use it on the reactor's thread
/// only.
class RONDO_EXPORT Child {
 public:
  class Exited;

  /// Errors: those of Process::start().
  [[nodiscard]] static Result<Child> start(Reactor& reactor, std::vector<std::string> arguments,
                                           const ProcessOptions& options = {});
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) = delete;
  ~Child();

  /// Waits until the program has ended: ExitStatus. It may be awaited again, and then ends at once.
  /// If it is cancelled, the program goes on. One task at a time may wait.
  detail::Awaitable<Exited, Child*> exited() noexcept {
    return detail::Awaitable<Exited, Child*>{this};
  }
  /// For its id, its streams, kill() and terminate().
  [[nodiscard]] Process& process() noexcept;

 private:
  class Impl;
  explicit Child(std::unique_ptr<Impl> impl) noexcept;

  std::unique_ptr<Impl> impl_;
};

class RONDO_EXPORT Child::Exited final : public detail::WaitPlace::Waiter {
 public:
  explicit Exited(Child* child) noexcept : impl_(*child->impl_) {}

  [[nodiscard]] bool await_ready() const noexcept;
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) noexcept {
    suspend(task.promise());
  }
  [[nodiscard]] ExitStatus await_resume() const noexcept;

 private:
  void suspend(detail::TaskPromise& task) noexcept;

  Impl& impl_;
};

/// An OutputCollector whose end a task awaits. Destroying it kills the program. Destroy it before
/// the reactor, and after a task that waits in ended(). Use it on the reactor's thread only.
class RONDO_EXPORT Collection {
 public:
  class Ended;

  /// Errors: those of Process::start().
  [[nodiscard]] static Result<Collection> start(Reactor& reactor,
                                                std::vector<std::string> arguments,
                                                CollectOptions options = {});
  Collection(Collection&& other) noexcept;
  Collection& operator=(Collection&& other) = delete;
  ~Collection();

  /// Waits until the program has ended, and returns what it has written: CollectedOutput. What it
  /// has written can be taken once. If it is cancelled, the program goes on, and nothing is taken.
  /// One task at a time may wait.
  detail::Awaitable<Ended, Collection*> ended() noexcept {
    return detail::Awaitable<Ended, Collection*>{this};
  }

 private:
  class Impl;
  explicit Collection(std::unique_ptr<Impl> impl) noexcept;

  std::unique_ptr<Impl> impl_;
};

class RONDO_EXPORT Collection::Ended final : public detail::WaitPlace::Waiter {
 public:
  explicit Ended(Collection* collection) noexcept : impl_(*collection->impl_) {}

  [[nodiscard]] bool await_ready() const noexcept;
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) noexcept {
    suspend(task.promise());
  }
  [[nodiscard]] CollectedOutput await_resume() noexcept;

 private:
  void suspend(detail::TaskPromise& task) noexcept;

  Impl& impl_;
};

}  // namespace rondo
