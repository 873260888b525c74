// rondo: a task that waits for a point in time.
#pragma once

#include <coroutine>
#include <optional>

#include <rondo/export.h>
#include <rondo/task.h>
#include <rondo/time.h>
#include <rondo/timer.h>

namespace rondo {

/// What sleep(), sleep_until() and turn() return: `co_await sleep(5s)`.
class RONDO_EXPORT Sleep {
 public:
  class Awaiter;
  explicit Sleep(Duration delay) noexcept : delay_(delay) {}
  explicit Sleep(TimePoint deadline) noexcept : deadline_(deadline) {}
  [[nodiscard]] Awaiter operator co_await() const noexcept;

 private:
  Duration delay_{};
  TimePoint deadline_ = never;  // never: after delay_
};

class RONDO_EXPORT Sleep::Awaiter {
 public:
  explicit Awaiter(const Sleep& sleep) noexcept : sleep_(sleep) {}
  Awaiter(const Awaiter&) = delete;
  Awaiter& operator=(const Awaiter&) = delete;
  ~Awaiter() = default;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) {
    suspend(task.promise());
  }
  void await_resume() const noexcept {}

 private:
  void suspend(detail::TaskPromise& task);

  const Sleep sleep_;
  std::optional<Timer> timer_;
  detail::Wait wait_;
};

inline Sleep::Awaiter Sleep::operator co_await() const noexcept { return Awaiter{*this}; }

/// Continues when `delay` has passed, in a later turn at the earliest, as Timer::arm_after() does.
/// `forever` waits until the task is cancelled. It keeps the reactor running, except for ever.
[[nodiscard]] inline Sleep sleep(Duration delay) noexcept { return Sleep{delay}; }
/// The same at a point in time.
[[nodiscard]] inline Sleep sleep_until(TimePoint deadline) noexcept { return Sleep{deadline}; }
/// Continues in the next turn, when others have had theirs: for a loop that would otherwise not
/// wait.
[[nodiscard]] inline Sleep turn() noexcept { return Sleep{Duration::zero()}; }

}  // namespace rondo
