// SPDX-License-Identifier: MIT
// Work for the reactor to run: deferred by its own thread, or posted by any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include <rondo/function.h>

namespace rondo::detail {

using Work = Function<void()>;

/// A batch of work that runs in order. It may be left in the middle, also by an exception.
class WorkBatch {
 public:
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size() - next_; }
  /// Takes the items of `queue`, which is empty afterwards. This batch must be empty before.
  void take(std::vector<Work>& queue) noexcept;
  /// Destroys the items without running them.
  void discard() noexcept;
  /// Runs up to `max` items. Each is destroyed before the next one runs.
  void run(std::size_t max);

 private:
  Work take_next() noexcept;

  std::vector<Work> items_;  // emptied with the last item, so that one check is enough
  std::size_t next_ = 0;
};

/// Work that the reactor's own thread has deferred.
class DeferredWork {
 public:
  void push(Work work) { queue_.push_back(std::move(work)); }
  [[nodiscard]] bool empty() const noexcept { return queue_.empty() && batch_.empty(); }
  /// Makes the work that is queued now the work of this turn.
  void gather() noexcept {
    if (batch_.empty()) batch_.take(queue_);
  }
  /// Destroys the work that is queued now.
  void discard() noexcept {
    batch_.discard();
    gather();
    batch_.discard();
  }
  /// Runs the work of this turn. Work that is deferred meanwhile runs in the next turn.
  void run() { batch_.run(batch_.size()); }

 private:
  std::vector<Work> queue_;
  WorkBatch batch_;
};

/// Work that any thread has posted.
class PostedWork {
 public:
  explicit PostedWork(std::uint32_t forks) noexcept : forks_(forks) {}

  /// The count of forks when this was made. A child sees another count.
  [[nodiscard]] std::uint32_t forks() const noexcept { return forks_; }
  /// True for the first item since the queue was empty: the reactor must be woken, once for a
  /// burst.
  [[nodiscard]] bool push(Work work);
  /// False, with `work` unchanged, if `waiting_max` items are waiting already.
  [[nodiscard]] bool try_push(Work& work, std::size_t waiting_max, bool& must_wake);
  [[nodiscard]] bool empty() const noexcept {
    return waiting_.load(std::memory_order_acquire) == 0;
  }
  /// Destroys the work that is queued now. Reactor's thread only.
  void discard() noexcept;
  /// Runs up to `max` items that were queued before the call. Reactor's thread only.
  void run(std::size_t max);

 private:
  const std::uint32_t forks_;
  std::mutex mutex_;
  std::vector<Work> queue_;  // guarded by mutex_
  std::atomic<std::size_t> waiting_ = 0;
  WorkBatch batch_;  // the reactor's thread only
};

}  // namespace rondo::detail
