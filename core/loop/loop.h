// SPDX-License-Identifier: MIT
// The implementation of a Reactor: the turn, and the parts that take part in it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <system_error>
#include <thread>

#include <rondo/assert.h>
#include <rondo/backend.h>
#include <rondo/reactor.h>

#include "fork_count.h"
#include "per_reactor.h"
#include "signals.h"
#include "timer_queue.h"
#include "wait_hooks.h"
#include "watch_table.h"
#include "work_queue.h"

namespace rondo::detail {

class Loop final : public HostedLoop {
 public:
  /// If a host drives this reactor, `hosted` is `backend` itself, otherwise null.
  Loop(std::unique_ptr<Backend> backend, HostedBackend* hosted, const ReactorOptions& options);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();
  /// Called while the reactor can still be used: destroys the work that has not run, and what the
  /// rooms have made, such as the Resolver that clients share.
  void close() noexcept;

  // What a backend and a host call.
  void batch_ended() override;
  [[nodiscard]] TimePoint before_sleep() noexcept override;
  void turn() noexcept override;
  void threw(std::exception_ptr exception) noexcept override;

  /// Whether this process is a child that was forked, and the rooms have not been told so.
  [[nodiscard]] bool forked() const noexcept {
    return fork_count() != forks_.load(std::memory_order_relaxed);
  }
  /// Tells the rooms, if it is. Without memory or descriptors it fails, and forked() stays true.
  void notice_fork() noexcept { (void)reinit_if_forked(); }

  // Running.
  std::error_code run_until(TimePoint limit);
  std::error_code run_once(Duration wait_max);
  void stop() noexcept;
  [[nodiscard]] bool alive() const noexcept;
  /// The time of the turn, or the current time outside of a turn.
  [[nodiscard]] TimePoint now() noexcept {
    // The clock never shows a negative time, but `unknown` is negative: this tests the sign alone.
    if (now_ >= TimePoint{}) [[likely]]
      return now_;
    return read_clock();
  }
  [[nodiscard]] TimePoint clock() const noexcept { return backend_->now(); }
  /// In builds with assertions: if a thread runs the reactor, this must be that thread. `call` is
  /// the name of the function that the user has called.
  void check_thread([[maybe_unused]] const char* call) const noexcept {
    RONDO_REQUIRE(is_on_its_thread(), call, wrong_thread);
  }

  // Work.
  void defer(Work work);
  void post(Work work);
  /// Where a nested reactor is to sleep, and until when: see Reactor::poll_fd().
  [[nodiscard]] int poll_fd() noexcept;
  [[nodiscard]] TimePoint next_deadline() noexcept;
  [[nodiscard]] bool try_post(Work& work);

  // Registrations.
  [[nodiscard]] Result<Token, std::error_code> watch(int fd, Ready interest, Handler& handler,
                                                     Maker maker = Maker::user) noexcept;
  void set(Token token, Ready interest) noexcept;
  void set_handler(Token token, Handler& handler) noexcept;
  void unwatch(Token token) noexcept;
  /// The same for a descriptor that the caller closes in this turn.
  void unwatch_before_close(Token token) noexcept;
  void set_referenced(Token token, bool referenced) noexcept;
  [[nodiscard]] Ready interest(Token token) const noexcept { return watches_.interest(token); }
  /// The registration of `fd`, which must have one.
  [[nodiscard]] Token token_of(int fd) const noexcept { return watches_.token_of(fd); }
  /// Calls the handler, if it awaits `ready`, as if the poller had reported it.
  void hint(Token token, Ready ready) { watches_.hint(token, ready); }
  void add_work_guard() noexcept;
  void remove_work_guard() noexcept;

  /// Asks the host for a turn, because something may be due before the deadline that it knows. A
  /// reactor that runs itself does nothing here: it checks before it sleeps.
  void request_turn() noexcept {
    if (hosted_ != nullptr) request_host_turn();
  }
  void set_exception_handler(Function<void(std::exception_ptr)> handler) noexcept {
    exception_handler_ = std::move(handler);
  }

  [[nodiscard]] TimerQueue& timers() noexcept { return timers_; }
  [[nodiscard]] Signals& signals() noexcept { return signals_; }
  [[nodiscard]] WaitHooks& wait_hooks() noexcept { return wait_hooks_; }
  [[nodiscard]] Backend& backend() noexcept { return *backend_; }

  /// The state that the room of `T` keeps for this reactor, made by `T(arguments...)` on first use.
  template <typename T, typename... Arguments>
  [[nodiscard]] T& per_reactor(Arguments&... arguments) {
    std::unique_ptr<PerReactor>& slot = rooms_[static_cast<std::size_t>(T::room)];
    if (slot == nullptr) slot = std::make_unique<T>(arguments...);
    return static_cast<T&>(*slot);
  }
  /// Null: it has not been used.
  template <typename T>
  [[nodiscard]] T* find_per_reactor() const noexcept {
    return static_cast<T*>(rooms_[static_cast<std::size_t>(T::room)].get());
  }
  /// Called by a room that has something to do at the end of the turn (PerReactor::pending()).
  void request_end_of_turn() noexcept {
    end_of_turn_requested_ = true;
    request_turn();
  }

 private:
  class Run;
  using ExceptionHandler = Function<void(std::exception_ptr)>;

  [[nodiscard]] std::error_code may_run() const noexcept;
  /// Whether a pending stop() keeps the turn from sleeping.
  enum class Stop : bool { is_left, is_heeded };
  [[nodiscard]] std::error_code turn_until(TimePoint limit, Stop stop);
  [[nodiscard]] std::error_code wait(TimePoint limit);
  [[nodiscard]] TimePoint deadline_for_wait(TimePoint limit) noexcept;
  [[nodiscard]] bool has_work() const noexcept { return !deferred_.empty() || !posted().empty(); }
  [[nodiscard]] bool rooms_pending() const noexcept;
  /// Whether there is something to do at once.
  [[nodiscard]] bool busy() const noexcept { return has_work() || rooms_pending(); }
  [[nodiscard]] std::error_code work_until(TimePoint& limit);
  [[nodiscard]] std::error_code call_hooks_until(TimePoint& limit);
  void call_hooks_before_sleep() noexcept;
  void run_work();
  void run_timers();
  void end_turn();
  [[nodiscard]] TimePoint read_clock() noexcept;
  void unclaimed(Token token, Ready ready) override;
  void request_host_turn() noexcept;
  void arm_host() noexcept;
  template <typename F>
  void guard(F&& step) noexcept;

  /// Whether this thread may use the reactor: none runs it, or this one does. In a forked child the
  /// other threads of the parent do not exist.
  [[nodiscard]] bool is_on_its_thread() const noexcept {
    const std::thread::id runner = runner_.load(std::memory_order_relaxed);
    return runner == std::thread::id{} || runner == std::this_thread::get_id() || forked();
  }
  void forget_thread_of_parent() noexcept;
  [[nodiscard]] std::error_code reinit_if_forked() noexcept {
    if (forked()) [[unlikely]]
      return reinit();
    return {};
  }
  [[nodiscard, gnu::cold]] std::error_code reinit() noexcept;
  void wake() noexcept;
  /// Destroys the work that has not run. It may own a WorkGuard, a Watch or a Timer, and it may
  /// defer more work while it is destroyed.
  void discard_work() noexcept;
  void check_nothing_is_left() const noexcept;

  [[nodiscard]] const PostedWork& posted() const noexcept {
    return *posted_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool has_own_posts() const noexcept { return posted().forks() == fork_count(); }
  [[nodiscard]] PostedWork& own_posts();

  std::unique_ptr<Backend> backend_;
  HostedBackend* hosted_;
  WatchTable watches_;
  TimerQueue timers_;
  Signals signals_;
  WaitHooks wait_hooks_;
  DeferredWork deferred_;
  std::atomic<PostedWork*> posted_;  // owned; a forked child replaces it, see own_posts()
  const std::size_t posts_max_;
  const std::size_t posts_per_turn_max_;

  std::atomic<bool> stop_ = false;
  std::atomic<std::thread::id> runner_{};
  TimePoint now_ = unknown;
  std::size_t work_guards_ = 0;
  bool turn_requested_ = false;
  bool in_turn_ = false;
  std::atomic<std::uint32_t> forks_;  // when the backend was made
  std::atomic<bool> woken_before_reinit_ = false;
  ExceptionHandler exception_handler_;
  bool end_of_turn_requested_ = false;
  std::array<std::unique_ptr<PerReactor>, room_count> rooms_;

  static constexpr TimePoint unknown = TimePoint::min();
};

}  // namespace rondo::detail
