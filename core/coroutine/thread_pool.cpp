// SPDX-License-Identifier: MIT
#include "thread_pool.h"

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

#include <rondo/assert.h>

namespace rondo::detail {

// --- the reactor's thread -----------------------------------------------------------------------

ThreadPool::ThreadPool(Reactor& reactor, const ThreadPoolOptions& options)
    : reactor_(reactor),
      threads_max_(std::max<std::size_t>(options.threads_max, 1)),
      jobs_max_(threads_max_ + options.queue_max),
      shared_(std::make_unique<Shared>()) {
  shared_->threads.reserve(threads_max_);
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock{shared_->mutex};
    shared_->stops = true;
  }
  shared_->has_jobs.notify_all();
  for (std::thread& thread : shared_->threads) thread.join();
}

void ThreadPool::enter(ThreadWaiter& waiter) {
  if (jobs_ < jobs_max_) return submit(waiter);
  waiter.pool_ = this;
  waiter.previous_ = std::exchange(last_, &waiter);
  (waiter.previous_ == nullptr ? first_ : waiter.previous_->next_) = &waiter;
}

void ThreadPool::leave(ThreadWaiter& waiter) noexcept {
  (waiter.previous_ == nullptr ? first_ : waiter.previous_->next_) = waiter.next_;
  (waiter.next_ == nullptr ? last_ : waiter.next_->previous_) = waiter.previous_;
  waiter.previous_ = waiter.next_ = nullptr;
  waiter.pool_ = nullptr;
}

void ThreadPool::submit(ThreadWaiter& waiter) {
  std::unique_ptr<ThreadJob> job = waiter.make_job_(waiter);
  if (jobs_ >= shared_->threads.size() && shared_->threads.size() < threads_max_) start_thread();
  job->waiter_ = &waiter;
  waiter.submitted_ = job.get();
  ++jobs_;
  {
    const std::lock_guard lock{shared_->mutex};
    shared_->jobs.push(std::move(job));
  }
  shared_->has_jobs.notify_one();
}

/// Does nothing if it fails while there are others.
void ThreadPool::start_thread() {
  try {
    shared_->threads.emplace_back([this, &shared = *shared_] { work(shared); });
  } catch (const std::system_error& error) {
    if (shared_->threads.empty()) throw std::system_error(error.code(), "start a thread");
  }
}

/// Jobs that have ended: tasks continue at the end of the turn.
void ThreadPool::take_ended() {
  Jobs ended;
  {
    const std::lock_guard lock{shared_->mutex};
    shared_->is_posted = false;
    ended.swap(shared_->ended);
  }
  while (!ended.empty()) {
    std::unique_ptr<ThreadJob> job = ended.pop();
    --jobs_;
    ThreadWaiter* const waiter = std::exchange(job->waiter_, nullptr);
    if (waiter == nullptr) continue;
    waiter->submitted_ = nullptr;
    waiter->ended_ = std::move(job);
    waiter->wait_.wake();
  }
  advance_line();
}

void ThreadPool::advance_line() noexcept {
  while (first_ != nullptr && jobs_ < jobs_max_) {
    ThreadWaiter& waiter = *first_;
    leave(waiter);
    try {
      submit(waiter);
    } catch (...) {
      waiter.exception_ = std::current_exception();
      waiter.wait_.wake();
    }
  }
}

void ThreadPool::forked() noexcept {
  std::unique_ptr<Shared> fresh{new (std::nothrow) Shared};
  RONDO_ASSERT(fresh != nullptr);
  (void)shared_.release();  // its mutex may be locked, and its threads cannot be joined
  shared_ = std::move(fresh);
  jobs_ = 0;
}

// --- the threads --------------------------------------------------------------------------------

void ThreadPool::work(Shared& shared) noexcept {
  std::unique_lock lock{shared.mutex};
  while (true) {
    shared.has_jobs.wait(lock, [&] { return shared.stops || !shared.jobs.empty(); });
    if (shared.stops) return;
    std::unique_ptr<ThreadJob> job = shared.jobs.pop();
    lock.unlock();
    if (!job->is_cut_off_.load(std::memory_order_relaxed)) job->run();
    lock.lock();
    shared.ended.push(std::move(job));
    if (std::exchange(shared.is_posted, true)) continue;
    lock.unlock();
    post(shared);
    lock.lock();
  }
}

/// Without memory it tries again: the task would wait for ever.
void ThreadPool::post(Shared& shared) noexcept {
  while (true) {
    try {
      return reactor_.post([this] { take_ended(); });
    } catch (const std::bad_alloc&) {
      std::this_thread::yield();
      const std::lock_guard lock{shared.mutex};
      if (shared.stops) return;
    }
  }
}

ThreadPool::Jobs::~Jobs() {
  while (!empty()) (void)pop();  // which destroys it
}

void ThreadPool::Jobs::push(std::unique_ptr<ThreadJob> job) noexcept {
  ThreadJob* const added = job.release();
  added->next_ = nullptr;
  (first_ == nullptr ? first_ : last_->next_) = added;
  last_ = added;
}

std::unique_ptr<ThreadJob> ThreadPool::Jobs::pop() noexcept {
  std::unique_ptr<ThreadJob> job{first_};
  first_ = std::exchange(job->next_, nullptr);
  return job;
}

void ThreadPool::Jobs::swap(Jobs& other) noexcept {
  std::swap(first_, other.first_);
  std::swap(last_, other.last_);
}

}  // namespace rondo::detail
