// SPDX-License-Identifier: MIT
// rondo: a task that waits for a function which blocks or computes, on another thread.
//
//     const std::string digest = co_await rondo::off_thread(sha256, text);
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

#include <rondo/task.h>
#include <rondo/thread_job.h>

namespace rondo {

class Reactor;

/// Threads are started when there is work for them, and end with the reactor.
struct ThreadPoolOptions {
  std::size_t threads_max = 4;  ///< at least 1
  std::size_t queue_max = 64;   ///< calls that wait for a thread; the next ones wait in their tasks
};

/// For off_thread() on this reactor, before its first use there.
RONDO_EXPORT void set_thread_pool(Reactor& reactor, const ThreadPoolOptions& options);

namespace detail {

/// Where the result of a call is made: by elision, so that a thread destroys nothing of it.
template <typename T>
class ThreadResult {
 public:
  ThreadResult() noexcept {}  // NOLINT(*-use-equals-default): of a union
  ThreadResult(const ThreadResult&) = delete;
  ThreadResult& operator=(const ThreadResult&) = delete;
  ~ThreadResult() {
    if (is_made_) std::destroy_at(&value_);
  }
  template <typename Make>
  void make(Make make) {
    ::new (static_cast<void*>(&value_)) T(make());
    is_made_ = true;
  }
  [[nodiscard]] T take() { return std::move(value_); }

 private:
  union {
    T value_;
  };
  bool is_made_ = false;
};
template <>
class ThreadResult<void> {
 public:
  template <typename Make>
  void make(Make make) {
    make();
  }
  void take() const noexcept {}
};

/// One call on a thread: copies of the function and its arguments, and then the result. It is made
/// and destroyed on the reactor's thread.
template <typename F, typename... Arguments>
class ThreadCall final : public ThreadJob {
 public:
  using Result = std::invoke_result_t<F, Arguments...>;
  static_assert(!std::is_reference_v<Result>, "A reference to what a thread has would dangle.");

  template <typename... From>
  explicit ThreadCall(From&&... from) : call_(std::forward<From>(from)...) {}

  Result take() {
    if (exception_) std::rethrow_exception(std::move(exception_));
    return result_.take();
  }

 private:
  void run() noexcept override {
    try {
      result_.make([this]() -> Result { return invoke(); });
    } catch (...) {
      exception_ = std::current_exception();
    }
  }
  Result invoke() {
    return std::apply(
        [](F& function, Arguments&... arguments) -> Result {
          return std::invoke(std::move(function), std::move(arguments)...);
        },
        call_);
  }

  std::tuple<F, Arguments...> call_;
  ThreadResult<Result> result_;
  std::exception_ptr exception_;
};

/// g++ 12 destroys such temporaries of a co_await expression twice: closures and aggregates.
template <typename T>
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
inline constexpr bool may_be_temporary = std::is_trivially_destructible_v<T>;
#else
inline constexpr bool may_be_temporary = true;
#endif
template <typename T>
inline constexpr bool may_be_argument =
    std::is_lvalue_reference_v<T> || !std::is_aggregate_v<std::remove_reference_t<T>> ||
    may_be_temporary<std::remove_reference_t<T>>;

struct name_the_function_or_the_argument_in_a_statement_before_the_co_await;

}  // namespace detail

/// `F` and `Arguments`: as deduced for forwarding references.
template <typename F, typename... Arguments>
class OffThread final : public detail::ThreadWaiter {
 public:
  using Call = detail::ThreadCall<std::decay_t<F>, std::decay_t<Arguments>...>;

  explicit OffThread(std::remove_reference_t<F>* function,
                     std::remove_reference_t<Arguments>*... arguments) noexcept
      : detail::ThreadWaiter(make_job), from_(function, arguments...) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) {
    suspend(task.promise());
  }
  typename Call::Result await_resume() {
    const std::unique_ptr<detail::ThreadJob> job = take_job();
    return static_cast<Call&>(*job).take();
  }

 private:
  static std::unique_ptr<detail::ThreadJob> make_job(const detail::ThreadWaiter& waiter) {
    return std::apply(
        [](auto* function, auto*... arguments) -> std::unique_ptr<detail::ThreadJob> {
          return std::make_unique<Call>(std::forward<F>(*function),
                                        std::forward<Arguments>(*arguments)...);
        },
        static_cast<const OffThread&>(waiter).from_);
  }

  std::tuple<std::remove_reference_t<F>*, std::remove_reference_t<Arguments>*...> from_;
};

/// Calls `function(arguments...)` on a thread of the reactor's pool, and waits for its result, or
/// throws its exception. As std::thread does, it calls a copy with copies: those of temporaries and
/// of std::move() are moved. They and the result are destroyed on the reactor's thread. Await it in
/// the expression that calls it. While the queue of the pool is full, the task waits for room.
///
/// If the task is cancelled, it is cut off at once. A call that has begun goes on, and its result
/// is dropped; one that has not begun is left out. So what `function` refers to must live until it
/// has returned. The destructor of the reactor waits for calls that have begun. In a forked child
/// there are no threads of the parent: what was awaited there does not end.
///
/// Throws a std::system_error if there is no thread and none can be started.
template <typename F, typename... Arguments>
  requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Arguments>...> &&
           (std::is_lvalue_reference_v<F> || detail::may_be_temporary<F>) &&
           (detail::may_be_argument<Arguments> && ...)
[[nodiscard]] auto off_thread(F&& function, Arguments&&... arguments) noexcept {
  return detail::Awaitable<OffThread<F, Arguments...>, std::remove_reference_t<F>*,
                           std::remove_reference_t<Arguments>*...>{std::addressof(function),
                                                                   std::addressof(arguments)...};
}
template <
    typename F, typename... Arguments,
    typename Advice = detail::name_the_function_or_the_argument_in_a_statement_before_the_co_await>
  requires std::is_invocable_v<std::decay_t<F>, std::decay_t<Arguments>...> &&
               (!((std::is_lvalue_reference_v<F> || detail::may_be_temporary<F>) &&
                  (detail::may_be_argument<Arguments> && ...)))
void off_thread(F&& function, Arguments&&... arguments) = delete;

}  // namespace rondo
