// rondo: several awaits at a time: when_all, when_any, timeout.
//
// Each of what they are given is a branch, whose awaiter stands in the frame of the task that
// awaits the combination, so nothing is allocated.
#pragma once

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
#include <rondo/sleep.h>
#include <rondo/task.h>
#include <rondo/time.h>

namespace rondo {

namespace detail {

template <typename... Operations>
class AllOf final : public Branches {
 public:
  using Results = std::tuple<ResultOf<Operations>...>;

  explicit AllOf(std::tuple<Operations...>&& operations)
      : AllOf(std::move(operations), std::index_sequence_for<Operations...>{}) {}

  Results await_resume() {
    rethrow();
    return std::apply([](auto&... results) { return Results{std::move(*results)...}; }, results_);
  }

  template <typename One>
  void ended(One& one) noexcept {
    each([&]<std::size_t I>(std::integral_constant<std::size_t, I>, auto& branch) {
      if (static_cast<const void*>(&branch) != &one) return;
      take(branch, std::get<I>(results_));
    });
    if (has_failed_) {
      each([](auto, auto& branch) { branch.stop(); });
    } else if (--left_ > 0) {
      return;
    }
    if (!has_ended()) end();
  }
  void fail(std::exception_ptr exception) noexcept {
    if (!std::exchange(has_failed_, true)) Branches::fail(std::move(exception));
  }

 private:
  template <std::size_t... I>
  AllOf(std::tuple<Operations...>&& operations, std::index_sequence<I...>)
      : branches_{std::move(std::get<I>(operations))...} {}

  void start() override {
    if (sizeof...(Operations) == 0) return end();
    each([&](auto, auto& branch) {
      if (!has_ended()) branch.start(*this);
    });
  }
  template <typename One, typename Result>
  void take(One& branch, Result& result) noexcept {
    try {
      branch.take(result);
    } catch (...) {
      fail(std::current_exception());
    }
    branch.stop();
  }
  template <typename Visit>
  void each(Visit visit) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (visit(std::integral_constant<std::size_t, I>{}, std::get<I>(branches_)), ...);
    }(std::index_sequence_for<Operations...>{});
  }

  std::tuple<std::optional<ResultOf<Operations>>...> results_;
  std::tuple<Branch<AllOf, Operations>...> branches_;
  std::size_t left_ = sizeof...(Operations);
  bool has_failed_ = false;
};

template <typename... Operations>
class AnyOf final : public Branches {
 public:
  using Result = std::variant<ResultOf<Operations>...>;

  explicit AnyOf(std::tuple<Operations...>&& operations)
      : AnyOf(std::move(operations), std::index_sequence_for<Operations...>{}) {}

  Result await_resume() {
    rethrow();
    return std::move(*result_);
  }

  template <typename One>
  void ended(One& one) noexcept {
    each([&]<std::size_t I>(std::integral_constant<std::size_t, I> index, auto& branch) {
      if (static_cast<const void*>(&branch) == &one) take(index, branch);
    });
    each([](auto, auto& branch) { branch.stop(); });
    end();
  }

 private:
  template <std::size_t... I>
  AnyOf(std::tuple<Operations...>&& operations, std::index_sequence<I...>)
      : branches_{std::move(std::get<I>(operations))...} {}

  void start() override {
    each([&](auto, auto& branch) {
      if (!has_ended()) branch.start(*this);
    });
  }
  template <std::size_t I, typename One>
  void take(std::integral_constant<std::size_t, I>, One& branch) noexcept {
    try {
      std::optional<typename One::Result> result;
      branch.take(result);
      if (result) result_.emplace(std::in_place_index<I>, std::move(*result));
    } catch (...) {
      fail(std::current_exception());
    }
  }
  template <typename Visit>
  void each(Visit visit) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (visit(std::integral_constant<std::size_t, I>{}, std::get<I>(branches_)), ...);
    }(std::index_sequence_for<Operations...>{});
  }

  std::optional<Result> result_;
  std::tuple<Branch<AnyOf, Operations>...> branches_;
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

/// Tasks in a vector.
template <typename T>
class AllOfRange final : public Branches {
 public:
  using Result = ResultOf<Task<T>>;

  explicit AllOfRange(std::vector<Task<T>>&& tasks) : left_(tasks.size()) {
    branches_.reserve(left_);
    for (Task<T>& task : tasks)
      branches_.push_back(std::make_unique<Branch<AllOfRange, Task<T>>>(std::move(task)));
    results_.resize(left_);
  }

  std::vector<Result> await_resume() {
    rethrow();
    std::vector<Result> results;
    results.reserve(results_.size());
    for (auto& result : results_) results.push_back(std::move(*result));
    return results;
  }

  template <typename One>
  void ended(One& one) noexcept {
    for (std::size_t i = 0; i < branches_.size(); ++i)
      if (branches_[i].get() == &one) take(one, results_[i]);
    if (has_failed_) {
      for (auto& branch : branches_) branch->stop();
    } else if (--left_ > 0) {
      return;
    }
    if (!has_ended()) end();
  }
  void fail(std::exception_ptr exception) noexcept {
    if (!std::exchange(has_failed_, true)) Branches::fail(std::move(exception));
  }

 private:
  void start() override {
    if (branches_.empty()) return end();
    for (auto& branch : branches_)
      if (!has_ended()) branch->start(*this);
  }
  template <typename One>
  void take(One& branch, std::optional<Result>& result) noexcept {
    try {
      branch.take(result);
    } catch (...) {
      fail(std::current_exception());
    }
    branch.stop();
  }

  std::vector<std::optional<Result>> results_;
  std::vector<std::unique_ptr<Branch<AllOfRange, Task<T>>>> branches_;
  std::size_t left_;
  bool has_failed_ = false;
};

}  // namespace detail

/// Awaits all of them, beside each other: `auto [page, time] = co_await when_all(fetch(),
/// sleep(1s))` returns a tuple of their results, std::monostate where one has none. The first
/// exception cancels the others and is thrown. Each is a Task, or anything else that rondo awaits.
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
/// have taken nothing. Returns a variant with its result; index() tells which one it was. They are
/// started in their order; if one ends at once, the later ones are not started.
template <typename... Operations>
[[nodiscard]] auto when_any(Operations... operations) {
  static_assert(sizeof...(Operations) > 0, "when_any() of nothing");
  return detail::Combined<detail::AnyOf<Operations...>, Operations...>{std::move(operations)...};
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
