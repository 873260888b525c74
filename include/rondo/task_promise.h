// rondo: what every task has in its frame, and where its end is reported.
#pragma once

#include <bit>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>

#include <rondo/export.h>
#include <rondo/frames.h>

namespace rondo::detail {

class TaskContext;
class TaskPromise;

/// Where the end of a task is reported: the task that awaits it, or a root. All calls come from
/// inside the task, so none of them may destroy it.
class Completion {
 public:
  /// An exception has left the task's body. frame_ends() follows.
  virtual void threw(TaskPromise& task, std::exception_ptr exception) noexcept = 0;
  /// The task's frame is about to free itself.
  virtual void frame_ends(TaskPromise& task) noexcept = 0;
  /// The task that waits; null for a root.
  [[nodiscard]] virtual TaskPromise* parent() const noexcept = 0;

 protected:
  ~Completion() = default;
};

/// A completion that stands in the frame of the task that awaits. Whatever its type, that task is
/// found at the same place, so a debugger can follow the chain without the types of results.
class AwaitedCompletion : public Completion {
 public:
  [[nodiscard]] TaskPromise* parent() const noexcept final { return parent_; }

 protected:
  ~AwaitedCompletion() = default;

  TaskPromise* parent_ = nullptr;
};

/// What every task has in its frame, whatever its type: 24 bytes.
class RONDO_EXPORT TaskPromise {
 public:
  /// What a std::source_location consists of: g++ 12 keeps each of those, but no pointer, in the
  /// frame, and writes it each time.
  using Place = const void*;
  static_assert(sizeof(std::source_location) == sizeof(Place));

  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] std::suspend_never final_suspend() noexcept {
    completion_ != nullptr ? completion_->frame_ends(*this) : condemned_ended();
    return {};  // the frame frees itself
  }
  void unhandled_exception() noexcept;

  /// Notes the place of each co_await, for the report of what all tasks wait for.
  template <typename Awaitable>
    requires(!std::is_enum_v<std::remove_cvref_t<Awaitable>>)
  decltype(auto) await_transform(Awaitable&& awaitable, Place where = __builtin_source_location()) {
    where_ = where;
    if constexpr (requires { static_cast<Awaitable&&>(awaitable).operator co_await(); }) {
      using Awaiter = decltype(static_cast<Awaitable&&>(awaitable).operator co_await());
      static_assert(fits<Awaiter>, "A frame has no room for an awaiter of this alignment.");
      return static_cast<Awaitable&&>(awaitable).operator co_await();
    } else {
      static_assert(fits<Awaitable>, "A frame has no room for an awaiter of this alignment.");
      // Another library's awaiter. g++ 12 copies it.
      return static_cast<std::remove_reference_t<Awaitable>&>(awaitable);
    }
  }

  /// The same for an operation in a register, which has no object in the frame.
  template <typename Operation>
    requires std::is_enum_v<Operation>
  auto await_transform(Operation operation, Place where = __builtin_source_location()) {
    where_ = where;
    return operator co_await(operation);
  }

  /// Starts the task, or continues it.
  void resume() { handle().resume(); }
  /// Destroys the frame, which is suspended. If a destructor throws, the program ends with a
  /// message that names the task.
  void destroy() noexcept;
  void start(TaskContext& context, Completion& completion) noexcept {
    context_ = &context;
    completion_ = &completion;
  }

  /// Before it has started: the next one in a list of such tasks.
  [[nodiscard]] TaskPromise* take_next_start() noexcept {
    TaskPromise* const next = next_start();
    where_ = nullptr;
    return next;
  }
  [[nodiscard]] TaskPromise* next_start() const noexcept {
    return static_cast<TaskPromise*>(const_cast<void*>(where_));
  }
  void set_next_start(TaskPromise* next) noexcept { where_ = next; }
  [[nodiscard]] bool is_started() const noexcept { return context_ != nullptr; }
  [[nodiscard]] TaskContext& context() const noexcept { return *context_; }
  /// Null: the task was cancelled while it was running, and is destroyed at its next suspension.
  // NOLINTNEXTLINE(*.UndefReturn): it is set before the task starts
  [[nodiscard]] Completion* completion() const noexcept { return completion_; }
  void condemn() noexcept { completion_ = nullptr; }
  /// The task that awaits this one; null for a root.
  [[nodiscard]] TaskPromise* parent() const noexcept {
    return completion_ == nullptr ? nullptr : completion_->parent();
  }
  [[nodiscard]] bool has_place() const noexcept { return where_ != nullptr; }
  /// Where it awaits; line 0 before its first co_await.
  [[nodiscard]] std::source_location where() const noexcept {
    return where_ == nullptr ? std::source_location{} : std::bit_cast<std::source_location>(where_);
  }

  [[nodiscard]] std::coroutine_handle<TaskPromise> handle() noexcept {
    // Promises of all types begin with this one and have its alignment, so the frame is found.
    return std::coroutine_handle<TaskPromise>::from_promise(*this);
  }

 private:
  void condemned_ended() noexcept;

  template <typename T>
  static constexpr bool fits = alignof(std::remove_cvref_t<T>) <= alignof(std::max_align_t);

  // Two words that are written at a time are not side by side: g++ would gather them in a register.
  Completion* completion_ = nullptr;
  Place where_ = nullptr;
  TaskContext* context_ = nullptr;
};

}  // namespace rondo::detail
