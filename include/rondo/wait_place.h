// SPDX-License-Identifier: MIT
// rondo: a place where one task at a time waits for the object that has it.
#pragma once

#include <rondo/export.h>

#include <coroutine>

#include <rondo/task.h>

namespace rondo::detail {

/// A member of what a task waits for. Destroy it after the task that waits.
class RONDO_EXPORT WaitPlace {
 public:
  class Waiter;

  /// `what` is the call that is awaited, for messages and for the report of all tasks; it lives for
  /// ever.
  explicit WaitPlace(const char* what) noexcept : what_(what) {}
  WaitPlace(const WaitPlace&) = delete;
  WaitPlace& operator=(const WaitPlace&) = delete;
  ~WaitPlace();

  [[nodiscard]] bool is_awaited() const noexcept { return waiter_ != nullptr; }
  /// Resumes the task that waits, if one does. Only what the loop calls may do it. The object of
  /// the caller may be gone afterwards.
  void resume();

 private:
  const char* what_;
  Waiter* waiter_ = nullptr;
};

/// The base of awaiters. It leaves its place when it is destroyed.
class RONDO_EXPORT WaitPlace::Waiter {
 public:
  Waiter() noexcept = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

 protected:
  ~Waiter() {
    if (place_ != nullptr) place_->waiter_ = nullptr;
  }
  /// In builds with assertions, ends the program if another task waits there.
  void suspend_at(WaitPlace& place, TaskPromise& task) noexcept;
  /// False once the task was resumed.
  [[nodiscard]] bool is_waiting() const noexcept { return place_ != nullptr; }

 private:
  friend class WaitPlace;
  WaitPlace* place_ = nullptr;  // null: it does not wait
  Wait wait_;
};

}  // namespace rondo::detail
