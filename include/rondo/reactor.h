// SPDX-License-Identifier: MIT
// rondo: the reactor. One thread waits for readiness and dispatches it to registered handlers.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

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
class ProcessContext;
class StreamContext;
class TaskContext;
/// The maker of a descriptor; see Backend::watch_own().
enum class Maker : bool { user, reactor };
Result<Watch, std::error_code> watch(Reactor& reactor, int fd, Ready interest, Handler& handler,
                                     Maker maker = Maker::user) noexcept;
/// The registration, which goes on without the Watch.
Token take_token(Watch watch) noexcept;
/// In builds with assertions: ends the program with a message about `call` if another thread runs
/// the reactor.
RONDO_EXPORT void check_thread(const Reactor& reactor, const char* call) noexcept;
}  // namespace detail

/// One registration of a descriptor. Destroying it ends the registration at once, also inside a
/// callback: no event that was gathered earlier reaches the handler afterwards. Destroy it before
/// the descriptor is closed (declare it after the Socket) and before the reactor. Use it on the
/// reactor's thread only.
///
///     auto watch = reactor.watch(socket.fd(), rondo::Ready::read, handler);
///     if (!watch) return rondo::print_error(watch.error());
class RONDO_EXPORT Watch {
 public:
  Watch() noexcept = default;
  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&& other) noexcept;
  ~Watch();

  /// Changes the awaited readiness from now on; Ready::none pauses. The kernel gets the change at
  /// most once in a turn, before the next wait, and only if something differs. If the kernel
  /// refuses the change, the handler is called with the awaited readiness as a hint, so that it
  /// meets the error in its own call, and the change is tried again.
  void set(Ready interest) noexcept;
  /// What set() has asked for last.
  [[nodiscard]] Ready interest() const noexcept;

  /// Calls `handler` from now on. It must outlive the watch.
  void set_handler(Handler& handler) noexcept;

  /// Ends the registration now; the watch is empty afterwards.
  void cancel() noexcept;

  /// A watch that is not referenced does not keep run() from returning. New ones are.
  void ref() noexcept;
  /// Undoes ref(): run() may return while the watch exists.
  void unref() noexcept;

  /// The watched descriptor, or -1 if empty.
  [[nodiscard]] int fd() const noexcept;
  /// Whether it is registered: false if it is empty.
  explicit operator bool() const noexcept;

 private:
  friend Result<Watch, std::error_code> detail::watch(Reactor&, int, Ready, Handler&,
                                                      detail::Maker) noexcept;
  friend Token detail::take_token(Watch watch) noexcept;
  Watch(detail::Loop& core, Token token) noexcept : loop_(&core), token_(token) {}

  detail::Loop* loop_ = nullptr;
  Token token_{};
};

/// While a WorkGuard exists, run() does not return although there is nothing to wait for. Destroy
/// it before the reactor. Use it on the reactor's thread only.
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

/// `Reactor reactor{{.backend = "epoll", .posts_max = 1000}}`
struct ReactorOptions {
  std::string_view backend{};       ///< empty: $RONDO_BACKEND, or else the default of the build
  std::size_t posts_max = 1 << 20;  ///< try_post() declines while so many are waiting
  std::size_t posts_per_turn_max = 4096;  ///< the rest runs after the next poll for events
};

/// The event loop. All functions except post(), try_post(), stop(), net() and backend() belong to
/// one thread: the one that is in run(), or outside of run() any one thread at a time. The same
/// holds for all objects that are made with a reactor. Debug builds check it, and say which call
/// was wrong. The reactor must outlive everything that is registered with it, so it does not move.
/// After a fork the child may use or destroy its copy: it gets a backend of its own and removes
/// nothing from the parent's.
///
///     rondo::Reactor reactor;
///     rondo::Timer timer{reactor, [] { std::puts("one second later"); }};
///     timer.arm_after(std::chrono::seconds{1});
///     if (auto done = reactor.run(); !done) return rondo::print_error(done.error());
class RONDO_EXPORT Reactor {
 public:
  /// Throws std::system_error where make() returns the error.
  explicit Reactor(const ReactorOptions& options = {});
  /// On the built-in backend of that name, such as `epoll`; see make_backend().
  explicit Reactor(std::string_view backend);
  /// On a backend of your own. It is owned from now on.
  explicit Reactor(std::unique_ptr<Backend> backend, const ReactorOptions& options = {});
  /// A reactor inside another loop, which runs it: run(), run_for() and run_once() fail.
  explicit Reactor(std::unique_ptr<HostedBackend> backend, const ReactorOptions& options = {});
  /// For a pointer to your own class, which also is a Backend.
  template <std::derived_from<HostedBackend> B>
  explicit Reactor(std::unique_ptr<B> backend, const ReactorOptions& options = {})
      : Reactor(std::unique_ptr<HostedBackend>{std::move(backend)}, options) {}
  /// For what make_backend() and host_on() return: `Reactor reactor{host_on(loop)}`. Throws
  /// std::system_error if `backend` is an error; test it before to avoid that.
  template <std::derived_from<Backend> B>
  explicit Reactor(Result<std::unique_ptr<B>> backend, const ReactorOptions& options = {})
      : Reactor(std::move(backend).value_or_throw(), options) {}

  /// Errors: an unknown backend, or no descriptors left. Throws nothing but std::bad_alloc.
  [[nodiscard]] static Result<std::unique_ptr<Reactor>> make(const ReactorOptions& options = {});

  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  ~Reactor();

  /// Calls `handler` whenever `fd` is ready for what `interest` names, until the Watch ends.
  /// `handler` must outlive the Watch. A descriptor has at most one watch. Errors: file_exists if
  /// it has one already, bad_file_descriptor, operation_not_permitted for what cannot be polled,
  /// such as a regular file, and the poller's own. The message names the descriptor: `watch
  /// descriptor 7: Operation not permitted`.
  [[nodiscard]] Result<Watch> watch(int fd, Ready interest, Handler& handler);

  /// Runs `work` in the next turn, after the work that was deferred earlier. Work that defers more
  /// work does not delay events: the reactor polls for them in between.
  void defer(Function<void()> work);

  /// From any thread: runs `work` in the reactor's thread. Calls from one thread keep their order.
  /// A burst of posts wakes the reactor once. Closures up to Function's inline_size are not
  /// allocated. The queue is limited by memory only; try_post() has a limit. Do not call it in a
  /// signal handler. Work that has not run when the reactor is destroyed is destroyed and does not
  /// run.
  void post(Function<void()> work);
  /// The same, but returns false and leaves `work` untouched while posts_max are waiting.
  [[nodiscard]] bool try_post(Function<void()>& work);

  /// Runs turns until stop() is called or nothing is left to wait for: no referenced watch, timer
  /// or signal, no work and no WorkGuard. Errors: what made the poller fail permanently,
  /// device_or_resource_busy for a call from inside a callback, operation_not_supported in a hosted
  /// reactor. An exception that leaves a callback leaves run() too. The reactor stays intact: run()
  /// may be called again, and nothing that was due is lost.
  Result<void> run();
  /// The same for at most `duration`.
  Result<void> run_for(Duration duration);
  /// Runs one turn, which waits at most `wait_max` for something to do.
  Result<void> run_once(Duration wait_max = Duration::max());

  /// From any thread: ends one run() or run_for(). A run in progress ends with its turn. If none is
  /// in progress, the next one ends after a turn that does not wait. Only a run that ends normally
  /// consumes the request: run_once() wakes up and leaves it pending, and so does a run that ends
  /// with an error or an exception. In a hosted reactor, which is not run, it does nothing: stop
  /// the host loop instead.
  void stop() noexcept;

  /// For a program with a loop of its own, in which this reactor is nested: a descriptor that is
  /// readable when there is something to do. That loop repeats: ask for next_deadline(); sleep
  /// until then, or until the descriptor is readable; call run_once(0s). Ask for both again before
  /// each sleep: a forked child, and a poller that had to be repaired, have another descriptor.
  /// Errors: operation_not_supported in a hosted reactor, and on a backend without one, such as a
  /// simulated network.
  [[nodiscard]] Result<int> poll_fd() const;
  /// The time at which run_once() has something to do, whatever poll_fd() shows. TimePoint::min():
  /// at once; `never`: at no time. Outside of run_once() it calls each BeforeWait, since a sleep
  /// follows; what one throws leaves through the next run_once().
  [[nodiscard]] TimePoint next_deadline() noexcept;

  /// True while something is left that run() would wait for.
  [[nodiscard]] bool alive() const noexcept;
  /// Keeps run() from returning as long as the WorkGuard exists.
  [[nodiscard]] WorkGuard work_guard() noexcept;

  /// The time of this turn, read once after the wait. Outside of run() and in a hosted reactor, the
  /// current time.
  [[nodiscard]] TimePoint now() noexcept;

  /// In a hosted reactor, receives an exception that leaves a callback, since it cannot pass
  /// through the host loop's frames. Without a handler the host may take it
  /// (HostedBackend::take_exception), as a sim::World does; otherwise the program is terminated.
  void set_exception_handler(Function<void(std::exception_ptr)> handler) noexcept;

  /// The socket calls of its backend, for Socket. Any thread may ask.
  [[nodiscard]] Net& net() noexcept;
  /// Its backend, which lives as long as the reactor. Any thread may ask.
  [[nodiscard]] Backend& backend() noexcept;

 private:
  friend class Acceptor;
  friend class BeforeWait;
  friend class DatagramSocket;
  friend class SharedWatch;
  friend class Signal;
  friend class StopOnSignals;
  friend class Timer;
  friend class detail::ProcessContext;
  friend class detail::StreamContext;
  friend class detail::TaskContext;
  friend Result<Watch, std::error_code> detail::watch(Reactor&, int, Ready, Handler&,
                                                      detail::Maker) noexcept;
  friend void detail::check_thread(const Reactor&, const char*) noexcept;
  explicit Reactor(std::unique_ptr<detail::Loop> loop) noexcept;

  std::unique_ptr<detail::Loop> loop_;
};

}  // namespace rondo
