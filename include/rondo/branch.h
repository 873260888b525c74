// SPDX-License-Identifier: MIT
// rondo: one of several awaits that a task has at a time.
//
// An awaiter resumes a coroutine. For a branch that is a frame written by hand, of which the first
// members are those of any coroutine's frame, as g++ and clang lay it out.
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
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

template <typename T>
struct BranchResult {
  using Type = std::remove_cvref_t<T>;
};
template <>
struct BranchResult<void> {
  using Type = std::monostate;
};
template <typename T>
struct BranchResult<T&> {
  using Type = std::reference_wrapper<T>;
};
/// What its await returns, as a member of a tuple or a variant.
template <typename Operation>
using ResultOf =
    typename BranchResult<decltype(std::declval<AwaiterOf<Operation>&>().await_resume())>::Type;

/// What begins each frame, also those that a compiler makes.
struct FrameHead {
  void (*resume)(FrameHead*);
  void (*destroy)(FrameHead*);
  TaskPromise promise;
};
static_assert(offsetof(FrameHead, promise) == 2 * sizeof(void*));

/// Several branches, until enough of them have ended: what the combinations have in common.
class Branches : public Awaiting {
 public:
  Branches() = default;
  Branches(const Branches&) = delete;
  Branches& operator=(const Branches&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> task) {
    parent_ = &task.promise();
    start();
    is_starting_ = false;
    return !has_ended_;
  }

  /// A branch could not be started. branch_ended() follows.
  void fail(std::exception_ptr exception) noexcept {
    if (!exception_) exception_ = std::move(exception);
  }
  [[nodiscard]] TaskContext& context() const noexcept { return parent_->context(); }

 protected:
  ~Branches() = default;
  /// Starts one branch after the other, until end() is called.
  virtual void start() noexcept = 0;
  /// The branches have ended, or the rest is not wanted: the task continues.
  void end() noexcept {
    has_ended_ = true;
    if (!is_starting_) parent_->context().continue_with(*parent_);
  }
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  [[nodiscard]] bool has_failed() const noexcept { return exception_ != nullptr; }
  void rethrow() {
    if (exception_) [[unlikely]]
      std::rethrow_exception(std::move(exception_));
  }

 private:
  std::exception_ptr exception_;
  bool is_starting_ = true;
  bool has_ended_ = false;
};

/// One of them. `Owner` has branch_ended(index), which is called when the branch can be resumed, or
/// has failed. `Index` is a std::integral_constant or a number.
template <typename Operation, typename Owner, typename Index>
class Branch {
 public:
  using Result = ResultOf<Operation>;

  explicit Branch(Operation&& operation) : operation_(std::move(operation)) {}
  Branch(const Branch&) = delete;
  Branch& operator=(const Branch&) = delete;
  ~Branch() { stop(); }

  void start(Owner& owner, Index index) noexcept {
    owner_ = &owner;
    index_ = index;
    head_.promise.start(owner.context(), CompletionLink{owner});
    try {
      make_awaiter();
      if (!awaiter_.await_ready() && suspend()) return;
    } catch (...) {
      owner.fail(std::current_exception());
    }
    owner.branch_ended(index);
  }
  /// Takes the result: it can be resumed. Throws what its await throws.
  [[nodiscard]] Result take() {
    if constexpr (std::is_void_v<decltype(awaiter_.await_resume())>) {
      awaiter_.await_resume();
      return {};
    } else {
      return awaiter_.await_resume();
    }
  }
  /// Ends it. If its result was not taken, it has taken nothing itself.
  void stop() noexcept {
    switch (std::exchange(state_, State::empty)) {
      case State::has_operation:
        return std::destroy_at(&operation_);
      case State::awaits:
        return std::destroy_at(&awaiter_);
      case State::empty:
        return;
    }
  }

 private:
  using Awaiter = AwaiterOf<Operation>;
  enum class State : std::uint8_t { has_operation, awaits, empty };

  void make_awaiter() {
    Operation operation = std::move(operation_);
    stop();
    ::new (static_cast<void*>(&awaiter_)) Awaiter(awaiter_of(std::move(operation)));
    state_ = State::awaits;
  }
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
    branch.owner_->branch_ended(branch.index_);
  }

  FrameHead head_{resumed, [](FrameHead*) {}, {}};
  Owner* owner_ = nullptr;
  [[no_unique_address]] Index index_{};
  State state_ = State::has_operation;
  union {
    Operation operation_;
    Awaiter awaiter_;
  };
};

}  // namespace rondo::detail
