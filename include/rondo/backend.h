// SPDX-License-Identifier: MIT
// rondo: the port between the reactor and a poller. A backend reports readiness, wakes up, knows
// the time and makes the socket calls. It knows nothing of handlers, timers, streams or coroutines.
// A class that implements it is a backend that can do everything the built-in ones can;
// docs/backends.md has an example.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <rondo/export.h>
#include <rondo/handler.h>
#include <rondo/ready.h>
#include <rondo/result.h>
#include <rondo/time.h>

namespace rondo {

class NameService;  // <rondo/name_service.h>
class Net;
class ProcessCalls;  // <rondo/process_calls.h>

/// The processes of the system. It has no state, lives for ever, and may be used on any thread.
[[nodiscard]] RONDO_EXPORT ProcessCalls& system_process_calls() noexcept;

/// Identifies a registration without a pointer. It is opaque to a backend, which passes it back
/// with each event. It holds the generation of the registration, the descriptor and the interest.
enum class Token : std::uint64_t {};

/// Identifies no registration. A backend may watch a descriptor of its own under it; a sink calls
/// no handler for it.
constexpr Token no_token{~std::uint64_t{0}};

/// Receives the events that a backend finds. The reactor is a sink. The sink of a backend's test
/// has no slots and gets every event through unclaimed().
class Sink {
 public:
  /// The parts of a token: readiness in the lowest four bits, then the offset of the slot, then the
  /// generation, which is never 0. No registration has the token 0.
  static constexpr std::uint64_t slot_size = 16;
  /// Where the generation begins in a token, in bits.
  static constexpr unsigned generation_shift = 32;
  /// No sink has more slots: an offset has 28 bits above the four of readiness.
  static constexpr std::uint32_t slots_max = 1U << 28U;

  /// What ready() looks up for a token: the handler, and the token that is valid now.
  struct alignas(slot_size) Slot {
    Handler* handler = nullptr;  ///< called if the token is `expected`
    Token expected{};            ///< the token of the registration that has this slot
  };
  static_assert(sizeof(Slot) == slot_size);

  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  /// The descriptor of `token` may be ready for `ready`. This is a hint: it may be stale, spurious
  /// or repeated, and its registration may have ended, which is checked here, right before the
  /// call. Handlers run inside and may call watch(), unwatch() and wake(). Their exceptions pass
  /// through.
  void ready(Token token, Ready ready) {
    // One comparison checks that the registration and its interest are still those of the token.
    // The other parts of the token are masked away: the slot's offset by the bits of `ready`.
    const auto bits = static_cast<std::uint64_t>(token);
    const Slot& slot = slot_of(token);
    if (slot.expected == token) [[likely]] {
      const auto awaited = static_cast<Ready>(bits & static_cast<std::uint64_t>(ready));
      if (awaited != Ready::none) [[likely]]
        slot.handler->on_ready(awaited);
    } else if (token != no_token) {
      unclaimed(token, ready);
    }
  }

  /// A backend whose poller returns to the kernel before wait() can return calls this in between,
  /// so that timers run however many events there are. May throw like ready().
  virtual void batch_ended() = 0;

  /// A backend that runs code of others inside wait(), as libuv runs its users' timers, calls this
  /// right before it sleeps, because that code may have asked the reactor for something. Returns
  /// the time until which it may sleep; TimePoint::min(): not at all.
  [[nodiscard]] virtual TimePoint before_sleep() noexcept { return never; }

 protected:
  Sink() = default;
  ~Sink() = default;

  /// Gets the events that ready() found to be stale, or that need a full check.
  virtual void unclaimed(Token token, Ready ready) = 0;

  /// `count` is a power of two, so that no token leads out of `slots`.
  void look_up_in(const Slot* slots, std::uint32_t count) noexcept {
    slots_ = slots;
    slot_mask_ = (count - 1) * slot_size;
  }

 private:
  [[nodiscard]] const Slot& slot_of(Token token) const noexcept {
    const auto* const bytes = reinterpret_cast<const std::byte*>(slots_);
    return *reinterpret_cast<const Slot*>(bytes + (static_cast<std::uint64_t>(token) & slot_mask_));
  }

  // Generation 0 with the offset of another slot: it is no token of a backend's test either.
  static constexpr Token unmatched{std::uint64_t{slots_max - 1} * slot_size};

  Slot empty_slot_{.expected = unmatched};
  const Slot* slots_ = &empty_slot_;
  std::uint64_t slot_mask_ = 0;
};

/// Describes for people what the tasks of a reactor wait for.
class TaskReport {
 public:
  /// A line for each that is suspended, as describe_tasks() returns them.
  [[nodiscard]] virtual std::string tasks() = 0;

 protected:
  ~TaskReport() = default;
};

/// A poller with its clock and its network. Only wake() may be called outside the reactor's thread.
class Backend {
 public:
  virtual ~Backend() = default;

  /// Reports `fd` under `token` whenever it is ready for something in `to`. Reports are
  /// level-triggered: they are repeated until it is not ready any more. `from` is the `to` of the
  /// last call for this registration (none for a new one), so that no backend needs a table. If
  /// `to` is none, the registration rests and even a hang-up must not be reported. A hang-up or
  /// error counts as all of `to`. Errors: operation_not_permitted for what cannot be polled (a
  /// regular file), operation_not_supported for Ready::priority or peer_closed where the poller
  /// lacks it, bad_file_descriptor, and the poller's own; then nothing has changed.
  [[nodiscard]] virtual std::error_code watch(int fd, Ready from, Ready to,
                                              Token token) noexcept = 0;

  /// Begins the registration of a socket that the reactor has made. It does not block, and stays
  /// open until unwatch(), so a poller that is not safe from its users need not look.
  [[nodiscard]] virtual std::error_code watch_own(int fd, Ready to, Token token) noexcept {
    return watch(fd, Ready::none, to, token);
  }

  /// Ends the registration that watch() began; `from` is the `to` of its last call. It must be
  /// called before `fd` is closed. It cannot fail: if the descriptor is closed already, or the
  /// registration has only rested (`from` none) and this backend never saw it, there is nothing to
  /// end.
  virtual void unwatch(int fd, Ready from) noexcept = 0;
  /// Whether the close of a descriptor ends its registration, unless another descriptor refers to
  /// the same open file. Then unwatch() is not called for a descriptor that the reactor closes.
  /// If the poller reports it all the same, the reactor calls reinit(), and unwatch() from then on.
  [[nodiscard]] virtual bool unwatches_at_close() const noexcept { return false; }

  /// Sleeps until something is ready, wake() is called or `deadline` has come, and reports to
  /// `sink` what is ready: each registration at most once for each direction, and a bounded number
  /// in all (the next wait finds the rest). A deadline that has passed means: poll, but do not
  /// sleep. It may return early and without an event. An interrupted sleep (EINTR) is not an error.
  /// An exception of `sink` passes through and ends the wait; the next wait finds the events after
  /// it.
  [[nodiscard]] virtual std::error_code wait(Sink& sink, TimePoint deadline) = 0;

  /// Makes the current wait(), or else the next one, return at once. It may be called on any thread
  /// and in signal handlers, and preserves errno. Many calls before a wait count as one; none is
  /// lost.
  virtual void wake() noexcept = 0;

  /// Forgets every registration without touching the kernel object that holds them, and makes a new
  /// one: for a child after fork, whose parent still uses the old one. The reactor then calls
  /// watch() again for each registration.
  [[nodiscard]] virtual std::error_code reinit() noexcept = 0;

  /// A descriptor that is readable while wait() would find events or a wake(); see
  /// Reactor::poll_fd(). -1: there is none.
  [[nodiscard]] virtual int poll_fd() const noexcept { return -1; }
  /// For a loop that sleeps on poll_fd() instead of calling wait(): the time until which it may
  /// sleep, as far as this backend is concerned. TimePoint::min() if wait() has something to do
  /// that poll_fd() does not show.
  [[nodiscard]] virtual TimePoint sleeps_until() noexcept { return never; }

  /// The time now: monotonic, and the only clock the reactor reads.
  [[nodiscard]] virtual TimePoint now() const noexcept = 0;

  /// The socket calls that belong to this poller. It lives as long as the backend.
  [[nodiscard]] virtual Net& net() noexcept = 0;

  /// Resolves names instead of the hosts file and DNS; null: use those. It lives as long as the
  /// backend.
  [[nodiscard]] virtual NameService* name_service() noexcept { return nullptr; }

  /// The calls that start programs and wait for them; null: it has none, and Process::start()
  /// fails. It lives as long as the backend.
  [[nodiscard]] virtual ProcessCalls* process_calls() noexcept { return &system_process_calls(); }

  /// Called when the reactor gets its first task, and with null before `report` is destroyed. A
  /// backend that can see that nothing will happen any more shows the report then.
  virtual void set_task_report(TaskReport* report) noexcept { (void)report; }  // most cannot
};

/// A hosted reactor, as the host loop that drives it sees it.
class HostedLoop : public Sink {
 public:
  /// Runs one turn without the wait: work, due timers and what the events of the turn left to do;
  /// then calls arm(). The host calls it soon after it has delivered events through ready(), after
  /// wake(), and when the armed time has come. It throws nothing.
  virtual void turn() noexcept = 0;

  /// Receives an exception of ready() or batch_ended() that cannot pass through the host's frames.
  virtual void threw(std::exception_ptr exception) noexcept = 0;

 protected:
  ~HostedLoop() = default;
};

/// A backend inside another loop, the host. The host calls ready() and turn() of its HostedLoop;
/// docs/hosting.md has an example.
class HostedBackend : public Backend {
 public:
  /// Called once, before any other function, with the loop to deliver to, which outlives this
  /// backend.
  virtual void attach(HostedLoop& loop) noexcept = 0;

  /// Whether the hosted loop still has something to wait for.
  enum class Liveness : bool {
    lets_host_end,  ///< the loop has nothing to wait for
    keeps_host,     ///< the host must continue to run
  };
  /// Requests turn() at `deadline`, or soon if that has passed; replaces the previous request.
  virtual void arm(TimePoint deadline, Liveness liveness) noexcept = 0;

  /// Receives an exception that left a callback, if the reactor has no exception handler
  /// (Reactor::set_exception_handler). Returns false if the host cannot pass it to its caller; then
  /// the program is terminated.
  [[nodiscard]] virtual bool take_exception(const std::exception_ptr& exception) noexcept {
    (void)exception;  // a loop in C has no way to carry it
    return false;
  }

  /// Returns operation_not_supported, which run() reports: the host waits, not the reactor.
  [[nodiscard]] std::error_code wait(Sink&, TimePoint) final {
    return std::make_error_code(std::errc::operation_not_supported);
  }
};

/// A backend that this build contains.
struct BuiltBackend {
  std::string_view name;  ///< such as `epoll`; lives for ever
  /// Makes one. Errors: those of the system.
  Result<std::unique_ptr<Backend>, std::error_code> (*make)();
};

/// The backends of this build, the default first. The array lives for ever. Any thread may call it.
[[nodiscard]] RONDO_EXPORT std::span<const BuiltBackend> built_backends() noexcept;

/// Makes the backend with this name. For an empty name it uses the environment variable
/// RONDO_BACKEND, or else the default. Errors: no such backend (the message lists those in this
/// build), or the error of the system. Any thread may call it.
[[nodiscard]] RONDO_EXPORT Result<std::unique_ptr<Backend>> make_backend(
    std::string_view name = {});

}  // namespace rondo
