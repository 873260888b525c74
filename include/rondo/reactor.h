// rondo: the reactor. One thread waits for readiness and dispatches it to registered handlers.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <string_view>
#include <system_error>

#include <rondo/backend.h>
#include <rondo/export.h>
#include <rondo/function.h>
#include <rondo/handler.h>
#include <rondo/ready.h>
#include <rondo/result.h>
#include <rondo/time.h>

namespace rondo {

class Net;
class Reactor;
class Watch;
namespace detail {
class Loop;
class Streams;
Result<Watch, std::error_code> watch(Reactor& reactor, int fd, Ready interest,
                                     Handler& handler) noexcept;
}  // namespace detail

/// One registration of a descriptor. Destroying it ends it at once, from anywhere: no event that
/// was gathered before reaches the handler afterwards. Destroy it before the descriptor is closed
/// (declare it after the Socket), and before the reactor. Thread: the reactor's.
class RONDO_EXPORT Watch {
 public:
  Watch() noexcept = default;
  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&& other) noexcept;
  ~Watch();

  /// Asks for other readiness from now on; none pauses. The kernel is told once a turn at most,
  /// before the next wait, and only of a difference. Where it refuses, the handler is told the
  /// awaited readiness as a hint, finds the error in its own call, and the change is tried again.
  void set(Ready interest) noexcept;
  [[nodiscard]] Ready interest() const noexcept;

  /// Calls `handler` from now on, which outlives the watch.
  void set_handler(Handler& handler) noexcept;

  /// Ends the registration now; the watch is empty afterwards.
  void cancel() noexcept;

  /// A watch that is not referenced does not keep run() from returning. New ones are.
  void ref() noexcept;
  void unref() noexcept;

  /// The watched descriptor, or -1 if empty.
  [[nodiscard]] int fd() const noexcept;
  explicit operator bool() const noexcept { return loop_ != nullptr; }

 private:
  friend Result<Watch, std::error_code> detail::watch(Reactor&, int, Ready, Handler&) noexcept;
  Watch(detail::Loop& core, Token token) noexcept : loop_(&core), token_(token) {}

  detail::Loop* loop_ = nullptr;
  Token token_{};
};

/// While one exists, run() does not return for want of something to wait for. Destroy it before
/// the reactor. Thread: the reactor's.
class RONDO_EXPORT WorkGuard {
 public:
  WorkGuard() noexcept = default;
  WorkGuard(WorkGuard&& other) noexcept;
  WorkGuard& operator=(WorkGuard&& other) noexcept;
  ~WorkGuard();

 private:
  friend class Reactor;
  explicit WorkGuard(detail::Loop& core) noexcept : loop_(&core) {}

  detail::Loop* loop_ = nullptr;
};

struct ReactorOptions {
  std::string_view backend{};  ///< empty: the environment's RONDO_BACKEND, else the build's default
  std::size_t posts_max = 1 << 20;        ///< try_post() declines while so many are waiting
  std::size_t posts_per_turn_max = 4096;  ///< what is left is run after the next look at the events
};

/// The loop. Everything but post(), try_post() and stop() belongs to one thread: the one that is in
/// run(), or, outside of it, any one at a time. Debug builds assert that. Outlives all that is
/// registered with it. After a fork the child may go on using its copy, or destroy it: it gets a
/// backend of its own and removes nothing from the parent's.
class RONDO_EXPORT Reactor {
 public:
  /// Throws std::system_error where make() returns the error.
  explicit Reactor(const ReactorOptions& options = {});
  explicit Reactor(std::string_view backend);
  explicit Reactor(std::unique_ptr<Backend> backend, const ReactorOptions& options = {});
  /// A reactor inside a loop that a host runs: run(), run_for() and run_once() are refused.
  explicit Reactor(std::unique_ptr<HostedBackend> backend, const ReactorOptions& options = {});

  /// Errors: an unknown backend, or no descriptors left. Throws nothing but std::bad_alloc.
  [[nodiscard]] static Result<std::unique_ptr<Reactor>> make(const ReactorOptions& options = {});

  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  ~Reactor();

  /// Calls `handler` whenever `fd` can do what `interest` asks for, until the Watch ends. `handler`
  /// outlives the Watch. One watch a descriptor. Errors: file_exists if it is watched already,
  /// bad_file_descriptor, operation_not_permitted for what cannot be polled, such as a regular
  /// file, and the poller's own.
  [[nodiscard]] Result<Watch> watch(int fd, Ready interest, Handler& handler);

  /// Runs `work` in the next turn, after what was deferred before. Work that defers work does not
  /// hold up events: there is a look at them in between.
  void defer(Function<void()> work);

  /// From any thread: runs `work` in the reactor's thread, in the order of the calls of one
  /// thread. A burst of posts wakes the reactor once. Small closures (Function's inline_size) are
  /// not allocated. Bounded by memory alone; try_post declines instead. Not for signal handlers.
  /// What has not run when the reactor is destroyed is destroyed unrun.
  void post(Function<void()> work);
  /// The same, but false, with `work` untouched, while posts_max are waiting.
  [[nodiscard]] bool try_post(Function<void()>& work);

  /// Runs turns until stop() or until there is nothing left to wait for: no referenced watch,
  /// timer or signal, no work, no WorkGuard. Returns an error only if the poller fails for good, or
  /// device_or_resource_busy inside itself, or operation_not_supported if hosted. An exception
  /// that leaves a callback leaves here, with the reactor intact: run() may be called again, and
  /// nothing that was due is lost.
  Result<void> run();
  /// The same for at most `duration`.
  Result<void> run_for(Duration duration);
  /// One turn that waits at most `wait_max` for something to do.
  Result<void> run_once(Duration wait_max = Duration::max());

  /// From any thread: ends one run() or run_for(). The one that is running ends with its turn;
  /// while none is, the next ends after one turn that does not wait. Only a run uses it up:
  /// run_once() is woken by it and leaves it, and so does a run that ends by an error or exception.
  /// In a hosted reactor, which has no run, it does nothing: stop the host.
  void stop() noexcept;

  /// Whether something is left that run() would wait for.
  [[nodiscard]] bool alive() const noexcept;
  [[nodiscard]] WorkGuard work_guard() noexcept;

  /// The time of this turn: read once, after the wait; outside of run(), and in a hosted reactor,
  /// the time now.
  [[nodiscard]] TimePoint now() noexcept;

  /// What a hosted reactor does with an exception that leaves a callback, since it cannot pass
  /// through the host's frames. Without a hook the host may take it
  /// (HostedBackend::take_exception), as a sim::World does; else the program is terminated.
  void set_exception_handler(Function<void(std::exception_ptr)> handler) noexcept;

  [[nodiscard]] Net& net() noexcept;
  [[nodiscard]] Backend& backend() noexcept;

 private:
  friend class DatagramSocket;
  friend class Timer;
  friend class Signal;
  friend class detail::Streams;
  friend Result<Watch, std::error_code> detail::watch(Reactor&, int, Ready, Handler&) noexcept;
  explicit Reactor(std::unique_ptr<detail::Loop> core) noexcept;

  std::unique_ptr<detail::Loop> loop_;
};

}  // namespace rondo
