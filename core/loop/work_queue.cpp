// SPDX-License-Identifier: MIT
// The model. A queue is filled and a batch is run. The two vectors are exchanged, so that in the
// steady state neither allocates. Work that is pushed while the batch runs waits for the next turn,
// and the poller runs in between.
//
// Posting: the count of waiting items rises under the mutex, and the caller that raises it from
// zero wakes the reactor. It falls in the reactor's thread as items are taken from the batch. A
// post that sees it above zero needs no wake-up, because the reactor sleeps only while the count is
// zero. So no wake-up is lost, and a burst of posts costs one.
#include "work_queue.h"

#include <utility>

#include <rondo/assert.h>

namespace rondo::detail {

void WorkBatch::take(std::vector<Work>& queue) noexcept {
  RONDO_ASSERT(empty());
  items_.swap(queue);
}

void WorkBatch::run(std::size_t max) {
  for (; max > 0 && !empty(); --max) {
    Work work = take_next();
    work();
  }
}

void WorkBatch::discard() noexcept {
  while (!empty()) const Work unrun = take_next();
}

Work WorkBatch::take_next() noexcept {
  Work work = std::move(items_[next_++]);
  if (next_ == items_.size()) {
    items_.clear();
    next_ = 0;
  }
  return work;
}

bool PostedWork::push(Work work) {
  const std::lock_guard lock{mutex_};
  queue_.push_back(std::move(work));
  return waiting_.fetch_add(1, std::memory_order_release) == 0;
}

bool PostedWork::try_push(Work& work, std::size_t waiting_max, bool& must_wake) {
  const std::lock_guard lock{mutex_};
  const std::size_t waiting = waiting_.load(std::memory_order_relaxed);
  if (waiting >= waiting_max) return false;
  queue_.push_back(std::move(work));
  must_wake = waiting_.fetch_add(1, std::memory_order_release) == 0;
  return true;
}

void PostedWork::run(std::size_t max) {
  if (batch_.empty()) {
    const std::lock_guard lock{mutex_};
    batch_.take(queue_);
  }
  const std::size_t before = batch_.size();
  struct Count {  // also if an exception ends the batch early
    PostedWork& posted;
    std::size_t before;
    ~Count() {
      posted.waiting_.fetch_sub(before - posted.batch_.size(), std::memory_order_acq_rel);
    }
  } count{*this, before};
  batch_.run(max);
}

void PostedWork::discard() noexcept {
  batch_.discard();
  {
    const std::lock_guard lock{mutex_};
    batch_.take(queue_);
    waiting_.store(0, std::memory_order_relaxed);
  }
  batch_.discard();
}

}  // namespace rondo::detail
