// SPDX-License-Identifier: MIT
// rondo: Task, what a coroutine returns.
//
// How a task runs. Its frame is made when the coroutine is called, and its body starts when it is
// awaited or given to something that runs it (serve, TaskGroup, run). A task that awaits another
// one calls it; if that has ended when the call returns, it continues without having been
// suspended. Otherwise it is suspended, down to the task that waits for an event. The event
// resumes that one, and each task that ends then names the one that awaits it, which the loop
// resumes next: so neither a long chain of tasks nor a long sequence of awaits grows the stack.
// Only calls nest, and of those no more than 100 at a time: the next one is left to the loop, too.
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <rondo/assert.h>
#include <rondo/task_context.h>
#include <rondo/task_promise.h>

namespace rondo {

template <typename T = void>
class Task;

namespace detail {

/// Where the result of a Task<T> is put.
template <typename T>
class TaskResult {
 public:
  template <typename U>
  void set(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  [[nodiscard]] T take() { return std::move(*value_); }

 private:
  std::optional<T> value_;
};
template <typename T>
class TaskResult<T&> {
 public:
  void set(T& value) noexcept { value_ = &value; }
  [[nodiscard]] T& take() const noexcept { return *value_; }

 private:
  T* value_ = nullptr;
};
template <>
class TaskResult<void> {
 public:
  void take() const noexcept {}
};

template <typename Promise>
inline bool TaskCall::start(Promise& parent) {
  parent_ = &parent;
  TaskContext& context = parent_->context();
  task_->start(context, CompletionLink::of_caller(*this));
  const bool was_called = context.call(*task_);
  if (was_called && task_ == nullptr) [[likely]]
    return false;
  return suspend_caller(was_called);
}

/// Awaits a task: stands in the frame of the task that does.
template <typename T>
class TaskAwaiter final : public TaskCall {
 public:
  explicit TaskAwaiter(TaskPromise& task) noexcept : TaskCall(task) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent) {
    return start(parent.promise());
  }
  T await_resume() {
    rethrow_if_it_threw();
    return result.take();
  }

  TaskResult<T> result;
};

template <typename T>
class TaskPromiseOf final : public TaskPromise {
 public:
  [[nodiscard]] Task<T> get_return_object() noexcept;
  template <typename U>
    requires std::is_convertible_v<U&&, T>
  void return_value(U&& value) {
    // Only another task awaits one with a result.
    static_cast<TaskAwaiter<T>&>(completion().awaiting()).result.set(std::forward<U>(value));
  }
};
template <>
class TaskPromiseOf<void> final : public TaskPromise {
 public:
  [[nodiscard]] inline Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
};

/// Something to await, as it is passed around: an Awaiter, which stays where it is, is made of it
/// in the frame of the task that awaits it. Copying it costs nothing, and it owns nothing.
template <typename Awaiter, typename... Arguments>
class [[nodiscard("nothing happens until it is awaited")]] Awaitable {
 public:
  explicit Awaitable(Arguments... arguments) noexcept : arguments_(arguments...) {}
  [[nodiscard]] Awaiter operator co_await() const {
    return std::apply([](auto... arguments) { return Awaiter(arguments...); }, arguments_);
  }

 private:
  std::tuple<Arguments...> arguments_;
};

/// Owns a task that has not ended.
class TaskHandle {
 public:
  TaskHandle() noexcept = default;
  explicit TaskHandle(TaskPromise& task) noexcept : task_(&task) {}
  TaskHandle(TaskHandle&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
  TaskHandle& operator=(TaskHandle&& other) noexcept {
    std::swap(task_, other.task_);
    return *this;
  }
  ~TaskHandle() {
    if (task_ != nullptr) task_->destroy();
  }
  [[nodiscard]] TaskPromise* get() const noexcept { return task_; }
  [[nodiscard]] TaskPromise* release() noexcept { return std::exchange(task_, nullptr); }

 private:
  TaskPromise* task_ = nullptr;
};

}  // namespace detail

/// The result of a coroutine: work that starts when it is awaited, and that ends when the Task is
/// destroyed. `co_await` it once, as an rvalue, or give it to serve(), run() or TaskGroup::spawn().
/// What leaves the coroutine, a value or an exception, comes out of the co_await.
///
///     rondo::Task<int> half(int number) { co_return number / 2; }
///     rondo::Task<> print(int number) { std::cout << co_await half(number) << '\n'; }
///
/// Destroying a Task that was not awaited destroys the arguments that it was called with; the body
/// never runs. Destroying one that is suspended, which is how a task is cancelled, destroys its
/// variables as if it had returned. Its parameters that are references must outlive it. A Task runs
/// on the thread of the reactor that its root belongs to.
template <typename T>
class [[nodiscard("a Task does nothing until it is awaited")]] Task {
 public:
  using promise_type = detail::TaskPromiseOf<T>;
  using value_type = T;

  static_assert(!std::is_rvalue_reference_v<T>, "return a value");
  // A frame keeps its result in the frame that awaits it.
  static_assert(
      std::is_void_v<T> || std::is_reference_v<T> ||
          alignof(std::conditional_t<std::is_void_v<T>, int, std::remove_reference_t<T>>) <=
              alignof(std::max_align_t),
      "A frame has no room for a result of this alignment: allocate it.");

  Task(Task&&) noexcept = default;
  Task& operator=(Task&&) noexcept = default;

  /// Starts the task; the await returns its result, or throws its exception.
  [[nodiscard]] detail::TaskAwaiter<T> operator co_await() && noexcept {
    RONDO_REQUIRE(task_.get() != nullptr, "A Task",
                  " was awaited that is empty, because it was awaited before or moved from.");
    return detail::TaskAwaiter<T>{*task_.release()};
  }

  /// For what runs tasks: the task belongs to the caller from now on.
  [[nodiscard]] detail::TaskPromise& release() noexcept { return *task_.release(); }

 private:
  friend promise_type;
  explicit Task(promise_type& promise) noexcept : task_(promise) {}

  detail::TaskHandle task_;
};

template <typename T>
Task<T> detail::TaskPromiseOf<T>::get_return_object() noexcept {
  return Task<T>{*this};
}
Task<void> detail::TaskPromiseOf<void>::get_return_object() noexcept { return Task<void>{*this}; }

}  // namespace rondo

/// A coroutine keeps its arguments in its frame; a parameter `T&&` would be a reference to an
/// object that is gone when the coroutine starts.
template <typename T, typename... Parameters>
struct std::coroutine_traits<rondo::Task<T>, Parameters...> {
  static_assert(!(std::is_rvalue_reference_v<Parameters> || ...),
                "A coroutine that returns a rondo::Task must not have a parameter T&&: the object "
                "is gone when the coroutine starts. Take it by value.");
  using promise_type = rondo::detail::TaskPromiseOf<T>;
};
