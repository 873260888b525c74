// SPDX-License-Identifier: MIT
// rondo: what every task has in its frame, and where its end is reported.
#pragma once

#include <rondo/export.h>

#include <bit>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>

#include <rondo/frames.h>

namespace rondo::detail {

class TaskContext;
class TaskPromise;

/// Hears of the end of a task that no other task awaits. All calls come from inside the task, so
/// none of them may destroy it.
class Completion {
 public:
  /// An exception has left the task's body. frame_ends() follows.
  virtual void threw(TaskPromise& task, std::exception_ptr exception) noexcept = 0;
  /// The task's frame is about to free itself.
  virtual void frame_ends(TaskPromise& task) noexcept = 0;

 protected:
  ~Completion() = default;
};

/// Stands in the frame of a task that awaits, whatever the type of what it awaits: so a debugger
/// can follow the chain without the types of results.
class Awaiting {
 public:
  [[nodiscard]] TaskPromise* parent() const noexcept { return parent_; }

 protected:
  Awaiting() noexcept = default;
  ~Awaiting() = default;

  TaskPromise* parent_ = nullptr;  // null: it does not await yet
};

/// The same for a task that awaits a single other one.
class RONDO_EXPORT TaskCall : public Awaiting {
 public:
  TaskCall(const TaskCall&) = delete;
  TaskCall& operator=(const TaskCall&) = delete;

  /// The task has ended while its caller was waiting for its return.
  void returned() noexcept { task_ = nullptr; }
  /// It has ended after the caller was suspended, or with an exception.
  void ended() noexcept;
  void threw(std::exception_ptr exception) noexcept;

 protected:
  explicit TaskCall(TaskPromise& task) noexcept : task_(&task) {}
  ~TaskCall() {
    if (task_ != nullptr) [[unlikely]]
      give_up();
  }
  /// Calls it. True: it has not ended, so the caller is suspended.
  template <typename Promise>
  [[nodiscard]] bool start(Promise& parent);
  void rethrow_if_it_threw() {
    if (task_ != nullptr) [[unlikely]]
      rethrow();
  }

 private:
  /// No task awaits itself.
  [[nodiscard]] bool has_thrown() const noexcept { return task_ == parent_; }
  [[nodiscard]] bool suspend_caller(bool was_called) noexcept;
  [[gnu::cold]] void rethrow();
  [[gnu::cold]] void give_up() noexcept;

  // Two words that are written at a time are not side by side: g++ would gather them in a register.
  union {
    std::exception_ptr exception_;  // if it has thrown
  };
  TaskPromise* task_;  // null: it has ended; `parent_`: it has thrown
};

/// Where the end of a task is reported. While the task that called it waits for the call to return,
/// no report is needed: a mark suffices, and makes an empty task cheaper by a tenth.
class CompletionLink {
 public:
  CompletionLink() noexcept {}  // NOLINT(*-use-equals-default,*-member-init): before a task starts
  explicit CompletionLink(Completion* root) noexcept : word_(reinterpret_cast<Word>(root)) {}
  explicit CompletionLink(Awaiting& awaiting) noexcept
      : word_(reinterpret_cast<Word>(&awaiting) + is_awaited_bit) {}

  [[nodiscard]] static CompletionLink of_caller(Awaiting& awaiting) noexcept {
    CompletionLink link;
    link.word_ = reinterpret_cast<Word>(&awaiting) + (is_awaited_bit | is_call_bit);
    return link;
  }
  /// Whether the task that awaits it waits for its return.
  [[nodiscard]] bool is_call() const noexcept { return (word_ & is_call_bit) != 0; }
  [[nodiscard]] bool is_awaited() const noexcept { return (word_ & is_awaited_bit) != 0; }
  /// From now on the end is reported. It is awaited.
  void stop_call() noexcept { word_ &= ~is_call_bit; }
  /// If it is awaited.
  [[nodiscard]] Awaiting& awaiting() const noexcept {
    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): set before the task starts
    return *std::bit_cast<Awaiting*>(word_ & ~(is_awaited_bit | is_call_bit));
  }
  /// If it is a call.
  [[nodiscard]] TaskCall& call() const noexcept {
    return static_cast<TaskCall&>(
        *std::bit_cast<Awaiting*>(word_ - (is_awaited_bit | is_call_bit)));
  }
  /// If it is not awaited. Null: the task was cancelled while it was running, and is destroyed at
  /// its next suspension.
  [[nodiscard]] Completion* root() const noexcept { return std::bit_cast<Completion*>(word_); }

 private:
  using Word = std::uintptr_t;
  static constexpr Word is_call_bit = 1;
  static constexpr Word is_awaited_bit = 2;
  static_assert(alignof(Awaiting) >= 4 && alignof(Completion) >= 4);

  Word word_;
};

/// What every task has in its frame, whatever its type: 24 bytes.
class RONDO_EXPORT TaskPromise {
 public:
  /// What a std::source_location consists of: g++ 12 keeps each of those, but no pointer, in the
  /// frame, and writes it each time.
  using Place = const void*;
  static_assert(sizeof(std::source_location) == sizeof(Place));

  // The rest is set before the task starts.
  TaskPromise() noexcept {}  // NOLINT(*-use-equals-default,*-member-init)
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] std::suspend_never final_suspend() noexcept {
    if (completion_.is_call()) [[likely]] {
      completion_.call().returned();
    } else {
      report_end();
    }
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
  void start(TaskContext& context, CompletionLink completion) noexcept {
    context_ = &context;
    completion_ = completion;
  }
  /// The task that called it is about to be suspended, or must not take its return for success.
  void stop_call() noexcept { completion_.stop_call(); }

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
  [[nodiscard]] TaskContext& context() const noexcept { return *context_; }
  /// Null: the task was cancelled while it was running, and is destroyed at its next suspension.
  // NOLINTNEXTLINE(*.UndefReturn): it is set before the task starts
  [[nodiscard]] const CompletionLink& completion() const noexcept { return completion_; }
  void condemn() noexcept { completion_ = CompletionLink{nullptr}; }
  /// The task that awaits this one; null for a root.
  [[nodiscard]] TaskPromise* parent() const noexcept {
    return completion_.is_awaited() ? completion_.awaiting().parent() : nullptr;
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
  void report_end() noexcept;

  template <typename T>
  static constexpr bool fits = alignof(std::remove_cvref_t<T>) <= alignof(std::max_align_t);

  CompletionLink completion_;
  Place where_ = nullptr;
  TaskContext* context_;
};

}  // namespace rondo::detail
