// SPDX-License-Identifier: MIT
// rondo: TaskGroup, tasks that run beside each other and end together.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>

#include <rondo/export.h>
#include <rondo/task.h>

namespace rondo {

/// Runs tasks beside each other. None of them outlives the group: destroying it, which leaving the
/// scope does, also by an exception or because the task that has it is cancelled, cancels those
/// that still run.
///
///     rondo::Task<> crawl(rondo::Reactor& reactor, std::vector<std::string> hosts) {
///       rondo::TaskGroup group{reactor};
///       for (const std::string& host : hosts) group.spawn(fetch(reactor, host));
///       co_await group.join();
///     }
///
/// The first exception that leaves a task cancels the others, and comes out of join(). If no one
/// has called join() when the group is destroyed, it leaves through Reactor::run.
///
/// A program that is not a coroutine can have one, too. Its tasks keep the reactor running only by
/// what they wait for. Destroy it before the reactor, and use it on the reactor's thread only.
class RONDO_EXPORT TaskGroup {
  class Impl;

 public:
  class Join;

  /// For tasks on `reactor`, which must outlive it. Throws std::bad_alloc.
  explicit TaskGroup(Reactor& reactor);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  /// The task starts at the end of this turn, in the order of the calls. After an exception, until
  /// join() has reported it, the task is destroyed instead. Throws std::bad_alloc; `task` is
  /// destroyed then.
  void spawn(Task<> task);
  /// `co_await group.join()` waits until all have ended, also those that are spawned meanwhile, and
  /// throws the exception that one of them has thrown. The group can then be used again. One task
  /// at a time may wait. If that task is cancelled, the others run
  /// on, and an exception that it was about to hear is dropped.
  detail::Awaitable<Join, Impl*> join() noexcept;
  /// Cancels all tasks; one that is calling this ends when it is suspended next.
  void cancel() noexcept;

  /// Tasks that have not ended.
  [[nodiscard]] std::size_t size() const noexcept;

 private:
  struct Retire {
    void operator()(Impl* impl) const noexcept;
  };
  std::unique_ptr<Impl, Retire> impl_;
};

/// Stands in the frame of the task that waits in join().
class RONDO_EXPORT TaskGroup::Join {
 public:
  explicit Join(Impl* group) noexcept : group_(group) {}
  Join(const Join&) = delete;
  Join& operator=(const Join&) = delete;
  ~Join();

  [[nodiscard]] bool await_ready() const noexcept;
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) noexcept {
    suspend(task.promise());
  }
  void await_resume();

 private:
  friend class Impl;
  void suspend(detail::TaskPromise& task) noexcept;

  Impl* group_;  // null: it is gone
  bool is_waiting_ = false;
  detail::Wait wait_;
};

}  // namespace rondo
