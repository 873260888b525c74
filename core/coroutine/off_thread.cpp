// SPDX-License-Identifier: MIT
// The pool of a reactor belongs to its CoroutineContext.
#include <rondo/off_thread.h>

#include <rondo/assert.h>

#include "task_context.h"
#include "thread_pool.h"

namespace rondo {
namespace detail {

ThreadPool& CoroutineContext::thread_pool() {
  if (thread_pool_ == nullptr)
    thread_pool_ = std::make_unique<ThreadPool>(reactor_, ThreadPoolOptions{});
  return *thread_pool_;
}

void CoroutineContext::set_thread_pool(const ThreadPoolOptions& options) {
  RONDO_REQUIRE(thread_pool_ == nullptr, "set_thread_pool",
                " was called after the pool was made. Call it before the first off_thread().");
  if (thread_pool_ == nullptr) thread_pool_ = std::make_unique<ThreadPool>(reactor_, options);
}

void CoroutineContext::forked() noexcept {
  if (thread_pool_ != nullptr) thread_pool_->forked();
}

}  // namespace detail

void set_thread_pool(Reactor& reactor, const ThreadPoolOptions& options) {
  detail::check_thread(reactor, "set_thread_pool");
  static_cast<detail::CoroutineContext&>(detail::TaskContext::of(reactor)).set_thread_pool(options);
}

}  // namespace rondo
