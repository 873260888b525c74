// SPDX-License-Identifier: MIT
// The threads of off_thread(), of one reactor.
//
// The reactor's thread makes the jobs, counts them, and destroys them. What threads share with it
// is in Shared: a list of jobs for them, and a list of those that have run. For the first of those
// a thread posts to the reactor, which takes all of them. When there are as many jobs as threads
// and queue have room for, tasks wait in a line and have no job yet.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <rondo/off_thread.h>
#include <rondo/reactor.h>
#include <rondo/thread_job.h>

namespace rondo::detail {

class ThreadPool {
 public:
  ThreadPool(Reactor& reactor, const ThreadPoolOptions& options);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  /// Waits for the jobs that have begun.
  ~ThreadPool();

  void enter(ThreadWaiter& waiter);
  void leave(ThreadWaiter& waiter) noexcept;
  /// This process is a forked child, in which the threads do not exist.
  void forked() noexcept;

 private:
  /// First in, first out. It owns the jobs.
  class Jobs {
   public:
    Jobs() noexcept = default;
    Jobs(const Jobs&) = delete;
    Jobs& operator=(const Jobs&) = delete;
    ~Jobs();
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    void push(std::unique_ptr<ThreadJob> job) noexcept;
    [[nodiscard]] std::unique_ptr<ThreadJob> pop() noexcept;
    void swap(Jobs& other) noexcept;

   private:
    ThreadJob* first_ = nullptr;
    ThreadJob* last_ = nullptr;
  };
  struct Shared {
    std::mutex mutex;
    std::condition_variable has_jobs;
    Jobs jobs;  // all of these are guarded by the mutex
    Jobs ended;
    bool is_posted = false;  // the reactor is to take what has ended
    bool stops = false;
    std::vector<std::thread> threads{};  // the reactor's thread only
  };

  void submit(ThreadWaiter& waiter);
  void start_thread();
  void work(Shared& shared) noexcept;
  void post(Shared& shared) noexcept;
  void take_ended();
  void advance_line() noexcept;

  Reactor& reactor_;
  const std::size_t threads_max_;
  const std::size_t jobs_max_;
  std::unique_ptr<Shared> shared_;
  std::size_t jobs_ = 0;  // submitted, and not yet taken
  ThreadWaiter* first_ = nullptr;
  ThreadWaiter* last_ = nullptr;
};

}  // namespace rondo::detail
