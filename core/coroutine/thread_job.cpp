// SPDX-License-Identifier: MIT
#include <rondo/thread_job.h>

#include <utility>

#include "task_context.h"
#include "thread_pool.h"

namespace rondo::detail {

ThreadJob::~ThreadJob() = default;

void ThreadWaiter::suspend(TaskPromise& task) {
  auto& context = static_cast<CoroutineContext&>(task.context());
  context.thread_pool().enter(*this);
  work_guard_ = context.reactor().work_guard();
  wait_.suspend(task, "off_thread");
}

std::unique_ptr<ThreadJob> ThreadWaiter::take_job() {
  if (exception_) std::rethrow_exception(std::move(exception_));
  return std::move(ended_);
}

ThreadWaiter::~ThreadWaiter() {
  if (pool_ != nullptr) pool_->leave(*this);
  if (submitted_ == nullptr) return;
  submitted_->waiter_ = nullptr;
  submitted_->is_cut_off_.store(true, std::memory_order_relaxed);
}

}  // namespace rondo::detail
