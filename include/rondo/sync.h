// SPDX-License-Identifier: MIT
// rondo: how tasks of one reactor wait for each other. None of these calls resumes a task: a task
// that is woken continues at the end of the turn. A waiter that is cancelled leaves the line, and
// what it was about to get goes to the next one. Destroy them after the tasks that wait for them.
// They are used on the reactor's thread only; Reactor::post() brings work there.
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <rondo/assert.h>
#include <rondo/task.h>

namespace rondo {

namespace detail {

/// A number of permits, and a line of tasks that wait for one. A permit that is given while tasks
/// wait belongs to the first of them at once, so none that comes later can take it.
class RONDO_EXPORT Permits {
 public:
  class Waiter;

  /// `what` is shown in the report of all tasks.
  Permits(std::size_t count, const char* what) noexcept : count_(count), what_(what) {}
  Permits(const Permits&) = delete;
  Permits& operator=(const Permits&) = delete;
  ~Permits();

  /// False: none is free.
  [[nodiscard]] bool try_take() noexcept {
    if (count_ == 0) return false;
    --count_;
    return true;
  }
  void give() noexcept;
  /// Those that wait continue without a permit, and later ones do not wait.
  void close() noexcept;
  void reopen() noexcept { is_closed_ = false; }
  [[nodiscard]] bool is_closed() const noexcept { return is_closed_; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] bool is_awaited() const noexcept { return first_ != nullptr; }

 private:
  [[nodiscard]] Waiter* pop() noexcept;

  std::size_t count_;  // 0 while tasks wait
  const char* what_;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  bool is_closed_ = false;
};

/// Waits for a permit: the base of awaiters.
class RONDO_EXPORT Permits::Waiter {
 public:
  // NOLINTNEXTLINE(*-member-init): line_ is set in the line; an await that need not wait makes one
  explicit Waiter(Permits& permits) noexcept : permits_(&permits) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  [[nodiscard]] bool await_ready() noexcept {
    has_permit_ = permits_->try_take();
    return has_permit_ || permits_->is_closed_;
  }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) noexcept {
    suspend(task.promise());
  }

 protected:
  ~Waiter() {
    if (is_in_line_ || has_permit_) give_up();
  }
  [[nodiscard]] bool is_closed() const noexcept { return permits_->is_closed_; }
  /// Called by await_resume(): the permit belongs to the caller. False: there is none, because it
  /// was closed.
  [[nodiscard]] bool take_permit() noexcept { return std::exchange(has_permit_, false); }

 private:
  friend class Permits;
  void suspend(TaskPromise& task) noexcept;
  void give_up() noexcept;

  struct Line {
    Waiter* previous;
    Waiter* next;
  };
  Permits* permits_;
  union {
    Line line_;  // while it is in the line
  };
  bool is_in_line_ = false;
  bool has_permit_ = false;
  Wait wait_;
};

}  // namespace detail

/// Lets tasks wait until something has happened. It stays set until reset().
class RONDO_EXPORT Event {
 public:
  class Waiter;

  /// It is not set at first.
  Event() noexcept : permits_(0, "Event::wait") {}

  /// Those that wait continue, and later ones do not wait.
  void set() noexcept;
  /// Later ones wait.
  void reset() noexcept;
  /// Whether set() was called, and not reset() after it.
  [[nodiscard]] bool is_set() const noexcept;
  /// Whether a task waits.
  [[nodiscard]] bool is_awaited() const noexcept { return permits_.is_awaited(); }
  /// Waits until it is set; if it is set, the task is not suspended.
  detail::Awaitable<Waiter, Event*> wait() noexcept {
    return detail::Awaitable<Waiter, Event*>{this};
  }

 private:
  detail::Permits permits_;  // closed: it is set
};

class Event::Waiter final : public detail::Permits::Waiter {
 public:
  explicit Waiter(Event* event) noexcept : detail::Permits::Waiter(event->permits_) {}
  [[nodiscard]] bool await_ready() const noexcept { return is_closed(); }
  void await_resume() const noexcept {}
};

/// Lets a number of tasks through at a time, in the order in which they came.
///
///     const auto permit = co_await places.acquire();  // until the end of the scope
class RONDO_EXPORT Semaphore {
 public:
  class Waiter;
  class Permit;

  /// `count`: how many may be let through at a time.
  explicit Semaphore(std::size_t count) noexcept : permits_(count, "Semaphore::acquire") {}

  /// Waits for a Permit, which the await returns.
  detail::Awaitable<Waiter, Semaphore*> acquire() noexcept {
    return detail::Awaitable<Waiter, Semaphore*>{this};
  }
  /// How many are free.
  [[nodiscard]] std::size_t available() const noexcept { return permits_.count(); }

 protected:
  /// `what` is the name of the call in describe_tasks(); it lives for ever.
  Semaphore(std::size_t count, const char* what) noexcept : permits_(count, what) {}

 private:
  detail::Permits permits_;
};

/// The right to go on; destroying it gives it to the next task. It must not outlive the semaphore.
class [[nodiscard]] Semaphore::Permit {
 public:
  Permit() noexcept = default;
  Permit(Permit&& other) noexcept : permits_(std::exchange(other.permits_, nullptr)) {}
  Permit& operator=(Permit&& other) noexcept {
    std::swap(permits_, other.permits_);
    return *this;
  }
  ~Permit() {
    if (permits_ != nullptr) permits_->give();
  }
  /// Gives it back now.
  void release() noexcept { const Permit released{std::move(*this)}; }

 private:
  friend class Waiter;
  explicit Permit(detail::Permits& permits) noexcept : permits_(&permits) {}
  detail::Permits* permits_ = nullptr;
};

class Semaphore::Waiter final : public detail::Permits::Waiter {
 public:
  explicit Waiter(Semaphore* semaphore) noexcept
      : detail::Permits::Waiter(semaphore->permits_), permits_(semaphore->permits_) {}
  [[nodiscard]] Permit await_resume() noexcept {
    (void)take_permit();  // it has one: a semaphore is never closed
    return Permit{permits_};
  }

 private:
  detail::Permits& permits_;
};

/// Lets one task through at a time. Between two suspensions a task runs alone anyway; a mutex is
/// for what must not be interleaved with other tasks across a co_await.
///
///     const auto lock = co_await mutex.lock();
class Mutex : private Semaphore {
 public:
  /// What lock() gives: the right to go on, until it is destroyed or released.
  using Lock = Permit;
  Mutex() noexcept : Semaphore(1, "Mutex::lock") {}
  /// Waits for the Lock, which the await returns.
  detail::Awaitable<Waiter, Semaphore*> lock() noexcept { return acquire(); }
  /// Whether a task has the Lock.
  [[nodiscard]] bool is_locked() const noexcept { return available() == 0; }
};

}  // namespace rondo
