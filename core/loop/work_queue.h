// Work to be run by the reactor: deferred by its own thread, or posted by any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include <rondo/function.h>

namespace rondo::detail {

using Work = Function<void()>;

/// A batch of work that is run in order and may be left in the middle, by an exception too.
class WorkBatch {
 public:
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size() - next_; }
  /// Takes over the queue's items and leaves it empty; this batch must have been empty.
  void take(std::vector<Work>& queue) noexcept;
  /// Destroys them unrun.
  void discard() noexcept;
  /// Runs up to `max` items, each destroyed before the next is run.
  void run(std::size_t max);

 private:
  Work take_next() noexcept;

  std::vector<Work> items_;  // emptied with the last one, so that nobody has to look at both
  std::size_t next_ = 0;
};

/// Work of the reactor's own thread.
class DeferredWork {
 public:
  void push(Work work) { queue_.push_back(std::move(work)); }
  [[nodiscard]] bool empty() const noexcept { return queue_.empty() && batch_.empty(); }
  /// Makes what is there now the work of this turn.
  void gather() noexcept {
    if (batch_.empty()) batch_.take(queue_);
  }
  /// Destroys what is there now.
  void discard() noexcept {
    batch_.discard();
    gather();
    batch_.discard();
  }
  /// Runs the work of this turn: what is deferred meanwhile has its turn next time.
  void run() { batch_.run(batch_.size()); }

 private:
  std::vector<Work> queue_;
  WorkBatch batch_;
};

/// Work of any thread.
class PostedWork {
 public:
  explicit PostedWork(std::uint32_t forks) noexcept : forks_(forks) {}

  /// The count of forks when this was made: a child finds another.
  [[nodiscard]] std::uint32_t forks() const noexcept { return forks_; }
  /// True for the first one since run() last looked: the reactor must be woken, once a burst.
  [[nodiscard]] bool push(Work work);
  /// False, with `work` untouched, if `waiting_max` are waiting already.
  [[nodiscard]] bool try_push(Work& work, std::size_t waiting_max, bool& must_wake);
  [[nodiscard]] bool empty() const noexcept {
    return waiting_.load(std::memory_order_acquire) == 0;
  }
  /// Destroys what is there now. In the reactor's thread.
  void discard() noexcept;
  /// Runs what was there when it was called, up to `max`. In the reactor's thread.
  void run(std::size_t max);

 private:
  const std::uint32_t forks_;
  std::mutex mutex_;
  std::vector<Work> queue_;  // under mutex_
  std::atomic<std::size_t> waiting_ = 0;
  WorkBatch batch_;  // the reactor's thread alone
};

}  // namespace rondo::detail
