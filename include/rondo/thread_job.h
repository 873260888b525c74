// SPDX-License-Identifier: MIT
// rondo: what off_thread() and the pool of threads have in common.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <utility>

#include <rondo/export.h>
#include <rondo/reactor.h>
#include <rondo/task.h>

namespace rondo::detail {

class ThreadPool;
class ThreadWaiter;

/// Work for a thread.
class RONDO_EXPORT ThreadJob {
 public:
  ThreadJob() noexcept = default;
  ThreadJob(const ThreadJob&) = delete;
  ThreadJob& operator=(const ThreadJob&) = delete;
  virtual ~ThreadJob();

 private:
  friend class ThreadPool;
  friend class ThreadWaiter;
  /// On the thread.
  virtual void run() noexcept = 0;

  ThreadWaiter* waiter_ = nullptr;        // the reactor's thread only; null: it was cut off
  std::atomic<bool> is_cut_off_ = false;  // it need not begin
  ThreadJob* next_ = nullptr;             // in a list of them
};

/// The base of the awaiter.
class RONDO_EXPORT ThreadWaiter {
 public:
  /// Copies what is to be called. It may throw.
  using MakeJob = std::unique_ptr<ThreadJob> (*)(const ThreadWaiter& waiter);

  explicit ThreadWaiter(MakeJob make_job) noexcept : make_job_(make_job) {}
  ThreadWaiter(const ThreadWaiter&) = delete;
  ThreadWaiter& operator=(const ThreadWaiter&) = delete;

 protected:
  ~ThreadWaiter();
  void suspend(TaskPromise& task);
  /// What has run. Throws what has kept it from running.
  [[nodiscard]] std::unique_ptr<ThreadJob> take_job();

 private:
  friend class ThreadPool;

  MakeJob make_job_;
  ThreadPool* pool_ = nullptr;        // not null: it is in the line of that pool
  ThreadWaiter* previous_ = nullptr;  // in the line
  ThreadWaiter* next_ = nullptr;
  ThreadJob* submitted_ = nullptr;    // belongs to the pool
  std::unique_ptr<ThreadJob> ended_;  // has run
  std::exception_ptr exception_;      // make_job() has thrown
  Wait wait_;
  WorkGuard work_guard_;
};

}  // namespace rondo::detail
