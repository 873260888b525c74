// SPDX-License-Identifier: MIT
// rondo: a task that waits for a point in time.
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <optional>

#include <rondo/task.h>
#include <rondo/time.h>
#include <rondo/timer.h>

namespace rondo {

/// What a task that sleeps keeps in its frame.
class RONDO_EXPORT SleepAwaiter {
 public:
  /// Until `deadline`, or, if that is `never`, after `delay`.
  SleepAwaiter(Duration delay, TimePoint deadline) noexcept : delay_(delay), deadline_(deadline) {}
  SleepAwaiter(const SleepAwaiter&) = delete;
  SleepAwaiter& operator=(const SleepAwaiter&) = delete;
  ~SleepAwaiter() = default;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) {
    suspend(task.promise());
  }
  void await_resume() const noexcept {}

 private:
  void suspend(detail::TaskPromise& task);

  const Duration delay_;
  const TimePoint deadline_;
  std::optional<Timer> timer_;
  detail::Wait wait_;
};

/// What sleep(), sleep_until() and turn() return: `co_await sleep(5s)`.
using Sleep = detail::Awaitable<SleepAwaiter, Duration, TimePoint>;

/// Continues when `delay` has passed, in a later turn at the earliest, as Timer::arm_after() does.
/// `forever` waits until the task is cancelled. It keeps the reactor running, except for ever.
inline Sleep sleep(Duration delay) noexcept { return Sleep{delay, never}; }
/// The same at a point in time.
inline Sleep sleep_until(TimePoint deadline) noexcept { return Sleep{forever, deadline}; }
/// Continues in the next turn, when others have had theirs: for a loop that would otherwise not
/// wait.
inline Sleep turn() noexcept { return sleep(Duration::zero()); }

}  // namespace rondo
