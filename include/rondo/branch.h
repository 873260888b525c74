// rondo: one of several awaits that a task has at a time.
//
// An awaiter resumes a coroutine. For a branch that is a frame written by hand, of which the first
// members are those of any coroutine's frame, as g++ and clang lay it out.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <rondo/task.h>

namespace rondo::detail {

/// The awaiter of what can be awaited.
template <typename Operation>
[[nodiscard]] auto awaiter_of(Operation&& operation) {
  if constexpr (std::is_enum_v<std::remove_cvref_t<Operation>>) {
    return operator co_await(operation);
  } else {
    return std::forward<Operation>(operation).operator co_await();
  }
}
template <typename Operation>
using AwaiterOf = decltype(awaiter_of(std::declval<Operation>()));
/// What its await returns, std::monostate for void.
template <typename Operation>
using ResultOf = std::conditional_t<
    std::is_void_v<decltype(std::declval<AwaiterOf<Operation>&>().await_resume())>, std::monostate,
    std::remove_cvref_t<decltype(std::declval<AwaiterOf<Operation>&>().await_resume())>>;

/// What begins each frame, also those that a compiler makes.
struct FrameHead {
  void (*resume)(FrameHead*);
  void (*destroy)(FrameHead*);
  TaskPromise promise;
};
static_assert(offsetof(FrameHead, promise) == 2 * sizeof(void*));

/// Several branches, until enough of them have ended: what the combinations have in common.
class Branches : public Completion {
 public:
  Branches() = default;
  Branches(const Branches&) = delete;
  Branches& operator=(const Branches&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> task) {
    task_ = &task.promise();
    start();
    is_starting_ = false;
    return !has_ended_;
  }

  /// The branches have ended, or the rest is not wanted: the task continues.
  void end() noexcept {
    has_ended_ = true;
    if (!is_starting_) task_->context().continue_with(*task_);
  }
  void fail(std::exception_ptr exception) noexcept { exception_ = std::move(exception); }
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  [[nodiscard]] TaskContext& context() const noexcept { return task_->context(); }

 protected:
  ~Branches() = default;
  /// Starts one branch after the other, until end() is called.
  virtual void start() = 0;
  void rethrow() {
    if (exception_) std::rethrow_exception(std::move(exception_));
  }

 private:
  void threw(TaskPromise&, std::exception_ptr) noexcept final {}  // frames by hand do neither
  void frame_ends(TaskPromise&) noexcept final {}
  [[nodiscard]] TaskPromise* parent() const noexcept final { return task_; }

  TaskPromise* task_ = nullptr;
  std::exception_ptr exception_;
  bool is_starting_ = true;
  bool has_ended_ = false;
};

/// One of them. `Owner` has ended(branch), which is called when it can be resumed.
template <typename Owner, typename Operation>
class Branch {
 public:
  using Result = ResultOf<Operation>;

  explicit Branch(Operation&& operation) : operation_(std::move(operation)) {}
  Branch(const Branch&) = delete;
  Branch& operator=(const Branch&) = delete;
  ~Branch() { stop(); }

  void start(Owner& owner) noexcept {
    owner_ = &owner;
    head_.promise.start(owner.context(), owner);
    try {
      ::new (static_cast<void*>(&awaiter_)) Awaiter(awaiter_of(std::move(operation_)));
      is_awaiting_ = true;
      if (awaiter_.await_ready() || !suspend()) owner.ended(*this);
    } catch (...) {
      owner.fail(std::current_exception());
      owner.ended(*this);
    }
  }
  /// Takes the result: the branch has ended, and has not failed before it was suspended.
  void take(std::optional<Result>& into) {
    if (!is_awaiting_) return;
    if constexpr (std::is_void_v<decltype(awaiter_.await_resume())>) {
      awaiter_.await_resume();
      into.emplace();
    } else {
      into.emplace(awaiter_.await_resume());
    }
  }
  /// Ends it, if it has not ended: it has taken nothing.
  void stop() noexcept {
    if (std::exchange(is_awaiting_, false)) std::destroy_at(&awaiter_);
  }

 private:
  using Awaiter = AwaiterOf<Operation>;

  [[nodiscard]] bool suspend() {
    const auto handle = std::coroutine_handle<TaskPromise>::from_promise(head_.promise);
    if constexpr (std::is_void_v<decltype(awaiter_.await_suspend(handle))>) {
      awaiter_.await_suspend(handle);
      return true;
    } else {
      return awaiter_.await_suspend(handle);
    }
  }
  static void resumed(FrameHead* head) {
    auto& branch = *reinterpret_cast<Branch*>(head);  // its first member
    branch.owner_->ended(branch);
  }

  FrameHead head_{resumed, [](FrameHead*) {}, {}};
  Owner* owner_ = nullptr;
  bool is_awaiting_ = false;
  Operation operation_;
  union {
    Awaiter awaiter_;
  };
};

}  // namespace rondo::detail
