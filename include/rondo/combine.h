// SPDX-License-Identifier: MIT
// rondo: several awaits at a time: when_all, when_any, timeout.
//
// Each of what they are given is a branch, whose awaiter stands in the frame of the task that
// awaits the combination, so nothing is allocated. Those that are given vectors allocate once.
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <rondo/branch.h>
#include <rondo/lent_bytes.h>
#include <rondo/result.h>
#include <rondo/sleep.h>
#include <rondo/task.h>
#include <rondo/time.h>

namespace rondo {

/// The first of several tasks that has ended.
template <typename T>
struct FirstEnded {
  std::size_t index;  ///< its place in the vector
  T result;           ///< std::monostate if it has none
};

namespace detail {

template <typename T>
inline constexpr bool is_lent<std::optional<T>> = is_lent<T>;
template <typename T, typename E>
inline constexpr bool is_lent<Result<T, E>> = is_lent<T>;
template <typename... T>
inline constexpr bool is_lent<std::variant<T...>> = (is_lent<T> || ...);

template <typename Operation>
constexpr void expect_no_lent_result() {
  static_assert(!is_lent<ResultOf<Operation>>,
                "The bytes would not be valid any more when the other branches of when_all() have "
                "ended. Use read_some(), or a Task that returns a copy.");
}

template <std::size_t I>
using IndexConstant = std::integral_constant<std::size_t, I>;

/// Branches that are known when the program is compiled, of `Owner`, which derives from this.
template <typename Owner, typename... Operations>
class BranchTuple : public Branches {
 protected:
  // NOLINTNEXTLINE(*-crtp-constructor-accessibility): g++ warns of the other form
  explicit BranchTuple(std::tuple<Operations...>&& operations)
      : BranchTuple(std::move(operations), Indices{}) {}
  ~BranchTuple() = default;

  /// Calls visit(IndexConstant<index>, branch).
  template <typename Visit>
  void each(Visit visit) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (visit(IndexConstant<I>{}, std::get<I>(branches_)), ...);
    }(Indices{});
  }
  /// Ends all but one.
  template <std::size_t Kept>
  void stop_others() noexcept {
    each([]<std::size_t I>(IndexConstant<I>, auto& branch) {
      if constexpr (I != Kept) branch.stop();
    });
  }
  template <std::size_t I>
  [[nodiscard]] auto& branch() noexcept {
    return std::get<I>(branches_);
  }

 private:
  using Indices = std::index_sequence_for<Operations...>;
  template <typename>
  struct TupleOf;
  template <std::size_t... I>
  struct TupleOf<std::index_sequence<I...>> {
    using Type = std::tuple<Branch<Operations, Owner, IndexConstant<I>>...>;
  };

  template <std::size_t... I>
  BranchTuple(std::tuple<Operations...>&& operations, std::index_sequence<I...>)
      : branches_{std::move(std::get<I>(operations))...} {}

  void start() noexcept final {
    each([&](auto index, auto& branch) {
      if (!has_ended()) branch.start(static_cast<Owner&>(*this), index);
    });
  }

  typename TupleOf<Indices>::Type branches_;
};

/// A branch's result is taken when it has ended, since what is read must be taken at once.
template <typename... Operations>
class AllOf final : public BranchTuple<AllOf<Operations...>, Operations...> {
  using Base = BranchTuple<AllOf, Operations...>;

 public:
  explicit AllOf(std::tuple<Operations...>&& operations) : Base(std::move(operations)) {
    (expect_no_lent_result<Operations>(), ...);
  }

  std::tuple<ResultOf<Operations>...> await_resume() {
    this->rethrow();
    return std::apply(
        [](auto&... results) {
          return std::tuple<ResultOf<Operations>...>{std::move(*results)...};
        },
        results_);
  }

  template <std::size_t I>
  void branch_ended(IndexConstant<I>) noexcept {
    auto& branch = this->template branch<I>();
    try {
      if (!this->has_failed()) std::get<I>(results_).emplace(branch.take());
    } catch (...) {
      this->fail(std::current_exception());
    }
    branch.stop();
    if (this->has_failed()) [[unlikely]] {
      this->template stop_others<I>();
    } else if (--left_ > 0) {
      return;
    }
    this->end();
  }

 private:
  std::tuple<std::optional<ResultOf<Operations>>...> results_;
  std::size_t left_ = sizeof...(Operations);
};

/// The result is taken when the task continues: if it is cancelled before, nothing was taken.
template <typename... Operations>
class AnyOf final : public BranchTuple<AnyOf<Operations...>, Operations...> {
  using Base = BranchTuple<AnyOf, Operations...>;

 public:
  using Result = std::variant<ResultOf<Operations>...>;

  explicit AnyOf(std::tuple<Operations...>&& operations) : Base(std::move(operations)) {}

  Result await_resume() {
    this->rethrow();
    return result<0>();
  }

  template <std::size_t I>
  void branch_ended(IndexConstant<I>) noexcept {
    first_ = I;
    this->template stop_others<I>();
    this->end();
  }

 private:
  template <std::size_t I>
  [[nodiscard]] Result result() {
    if constexpr (I + 1 < sizeof...(Operations)) {
      if (I != first_) return result<I + 1>();
    }
    return Result{std::in_place_index<I>, this->template branch<I>().take()};
  }

  std::size_t first_ = 0;
};

template <typename Operation>
class Timeout {
 public:
  explicit Timeout(std::tuple<Operation, Sleep>&& operations) : any_(std::move(operations)) {}

  [[nodiscard]] bool await_ready() const noexcept { return any_.await_ready(); }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> task) {
    return any_.await_suspend(task);
  }
  std::optional<ResultOf<Operation>> await_resume() {
    auto result = any_.await_resume();
    if (result.index() == 1) return std::nullopt;
    return std::get<0>(std::move(result));
  }

 private:
  AnyOf<Operation, Sleep> any_;
};

/// What when_all() and the like return.
template <typename Awaiter, typename... Operations>
class [[nodiscard("nothing happens until it is awaited")]] Combined {
 public:
  explicit Combined(Operations... operations) : operations_(std::move(operations)...) {}
  [[nodiscard]] Awaiter operator co_await() && { return Awaiter(std::move(operations_)); }

 private:
  std::tuple<Operations...> operations_;
};

template <typename Awaiter, typename T>
class [[nodiscard("nothing happens until it is awaited")]] CombinedRange {
 public:
  explicit CombinedRange(std::vector<Task<T>> tasks) noexcept : tasks_(std::move(tasks)) {}
  [[nodiscard]] Awaiter operator co_await() && { return Awaiter(std::move(tasks_)); }

 private:
  std::vector<Task<T>> tasks_;
};

/// Branches from a vector, each in a Slot that is made of its task, of `Owner`.
template <typename Owner, typename T, typename Slot>
class BranchRange : public Branches {
 protected:
  explicit BranchRange(std::vector<Task<T>>&& tasks)
      : size_(tasks.size()), slots_(std::make_unique<std::optional<Slot>[]>(size_)) {
    for (std::size_t i = 0; i < size_; ++i) slots_[i].emplace(std::move(tasks[i]));
    tasks.clear();
  }
  ~BranchRange() = default;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] Slot& slot(std::size_t index) noexcept { return *slots_[index]; }
  /// In their order.
  void stop_all_but(std::size_t index) noexcept {
    for (std::size_t i = 0; i < size_; ++i)
      if (i != index) slot(i).stop();
  }

 private:
  void start() noexcept final {
    if (size_ == 0) return end();
    for (std::size_t i = 0; i < size_ && !has_ended(); ++i)
      slot(i).start(static_cast<Owner&>(*this), i);
  }

  const std::size_t size_;
  const std::unique_ptr<std::optional<Slot>[]> slots_;
};

template <typename T>
class AllOfRange;
template <typename T>
using BranchOfAll = Branch<Task<T>, AllOfRange<T>, std::size_t>;
template <typename T>
struct SlotOfAll final : BranchOfAll<T> {
  explicit SlotOfAll(Task<T>&& task) : BranchOfAll<T>(std::move(task)) {}
  std::optional<ResultOf<Task<T>>> result;
};

template <typename T>
class AllOfRange final : public BranchRange<AllOfRange<T>, T, SlotOfAll<T>> {
  using Base = BranchRange<AllOfRange, T, SlotOfAll<T>>;

 public:
  explicit AllOfRange(std::vector<Task<T>>&& tasks) : Base(std::move(tasks)), left_(this->size()) {
    expect_no_lent_result<Task<T>>();
  }

  std::vector<ResultOf<Task<T>>> await_resume() {
    this->rethrow();
    std::vector<ResultOf<Task<T>>> results;
    results.reserve(this->size());
    for (std::size_t i = 0; i < this->size(); ++i)
      results.push_back(std::move(*this->slot(i).result));
    return results;
  }

  void branch_ended(std::size_t index) noexcept {
    auto& slot = this->slot(index);
    try {
      if (!this->has_failed()) slot.result.emplace(slot.take());
    } catch (...) {
      this->fail(std::current_exception());
    }
    slot.stop();
    if (this->has_failed()) {
      this->stop_all_but(index);
    } else if (--left_ > 0) {
      return;
    }
    this->end();
  }

 private:
  std::size_t left_;
};

template <typename T>
class AnyOfRange final
    : public BranchRange<AnyOfRange<T>, T, Branch<Task<T>, AnyOfRange<T>, std::size_t>> {
  using Base = BranchRange<AnyOfRange, T, Branch<Task<T>, AnyOfRange, std::size_t>>;

 public:
  using First = FirstEnded<ResultOf<Task<T>>>;

  explicit AnyOfRange(std::vector<Task<T>>&& tasks) : Base(std::move(tasks)) {}

  std::optional<First> await_resume() {
    this->rethrow();
    if (this->size() == 0) return std::nullopt;
    return First{first_, this->slot(first_).take()};
  }

  void branch_ended(std::size_t index) noexcept {
    first_ = index;
    this->stop_all_but(index);
    this->end();
  }

 private:
  std::size_t first_ = 0;
};

}  // namespace detail

/// Awaits all of them, beside each other: `auto [page, time] = co_await when_all(fetch(),
/// sleep(1s))` returns a tuple of their results, std::monostate where one has none, a
/// std::reference_wrapper for a reference. Each is a Task, or anything else that rondo awaits. They
/// are started in their order.
///
/// The first exception cancels the others and is thrown. What the others have returned before is
/// dropped then, and also if the task that awaits is cancelled.
template <typename... Operations>
[[nodiscard]] auto when_all(Operations... operations) {
  static_assert(sizeof...(Operations) > 0, "when_all() of nothing");
  return detail::Combined<detail::AllOf<Operations...>, Operations...>{std::move(operations)...};
}
/// The same for a number of tasks that is known at run time: a vector of their results, in their
/// order; an empty one if there is none.
template <typename T>
[[nodiscard]] auto when_all(std::vector<Task<T>> tasks) {
  return detail::CombinedRange<detail::AllOfRange<T>, T>{std::move(tasks)};
}

/// Awaits the first of them that ends, by a result or an exception, and cancels the others: they
/// have taken nothing. Returns a variant with its result, as in the tuple of when_all(); index()
/// tells which one it was. They are started in their order; if one ends at once, the later ones are
/// not started.
template <typename... Operations>
[[nodiscard]] auto when_any(Operations... operations) {
  static_assert(sizeof...(Operations) > 0, "when_any() of nothing");
  return detail::Combined<detail::AnyOf<Operations...>, Operations...>{std::move(operations)...};
}
/// The same for a number of tasks that is known at run time: an optional FirstEnded, with the index
/// of the first and its result. Null, at once, if there is none.
template <typename T>
[[nodiscard]] auto when_any(std::vector<Task<T>> tasks) {
  return detail::CombinedRange<detail::AnyOfRange<T>, T>{std::move(tasks)};
}

/// Awaits `operation`, and cancels it when `delay` has passed: then the result is null. A Task<> or
/// another operation without a result gives an optional<std::monostate>. With a delay of zero the
/// operation has until the timers of the next turn.
///
///     if (const auto line = co_await timeout(30s, client.read_until("\n"))) ...
template <typename Operation>
[[nodiscard]] auto timeout(Duration delay, Operation operation) {
  return detail::Combined<detail::Timeout<Operation>, Operation, Sleep>{std::move(operation),
                                                                        sleep(delay)};
}
/// The same until a point in time, which several awaits in a row can share.
template <typename Operation>
[[nodiscard]] auto timeout_at(TimePoint deadline, Operation operation) {
  return detail::Combined<detail::Timeout<Operation>, Operation, Sleep>{std::move(operation),
                                                                        sleep_until(deadline)};
}

}  // namespace rondo
