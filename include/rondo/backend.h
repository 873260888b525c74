// rondo: the port between the reactor and a poller. A backend says what is ready, wakes up, tells
// the time and makes the socket calls. It knows nothing of handlers, timers, streams or coroutines.
// A class that implements this is a backend with all the abilities of the built-in ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
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

/// Names a registration without pointing at it. Opaque to a backend, which hands it back with each
/// event: the count of the descriptor's registrations, the descriptor, and what is awaited.
enum class Token : std::uint64_t {};

/// Names no registration: under it a backend may watch a descriptor of its own, and tell a sink of
/// it, which calls no handler.
constexpr Token no_token{~std::uint64_t{0}};

/// Where a backend delivers what it found. The reactor is one; a test of a backend is another,
/// with no slots, which gets everything by unclaimed().
class Sink {
 public:
  /// A token's parts: readiness in the lowest bits, then the place, then the generation.
  /// No registration has the token 0.
  static constexpr std::uint64_t place_unit = 16;
  static constexpr unsigned generation_shift = 32;
  static constexpr std::uint32_t places_max = 1U << 28U;

  struct alignas(place_unit) Slot {
    Handler* handler = nullptr;
    Token expected{};
  };
  static_assert(sizeof(Slot) == place_unit);

  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  /// `token`'s descriptor may be able to do `ready`. A hint: it may be stale, spurious or told
  /// twice, also for a registration that has ended; it is checked here, right before the call.
  /// Users' handlers run inside, and may call watch, unwatch and wake. What they throw comes out.
  void ready(Token token, Ready ready) {
    // One comparison says that the registration and what it awaits are still those of the token,
    // whose other parts are masked away: the place is a slot's offset, and `ready` has two bits.
    const auto bits = static_cast<std::uint64_t>(token);
    const Slot& slot = slot_of(token);
    if (slot.expected == token) [[likely]] {
      const auto awaited = static_cast<Ready>(bits & static_cast<std::uint64_t>(ready));
      if (awaited != Ready::none) [[likely]]
        return slot.handler->on_ready(awaited);
    }
    if (token != no_token) unclaimed(token, ready);
  }

  /// A backend whose poller goes back to the kernel before wait() can return says so in between:
  /// timers are looked at, however many events there are. May throw like ready().
  virtual void batch_ended() = 0;

 protected:
  Sink() = default;
  ~Sink() = default;

  /// What ready() found to be stale, not awaited, or in need of a closer look.
  virtual void unclaimed(Token token, Ready ready) = 0;

  /// `slots` has a power of two of places, so that no token leads out of it.
  void look_up_in(const Slot* slots, std::uint32_t places) noexcept {
    slots_ = slots;
    place_mask_ = (places - 1) * place_unit;
  }

 private:
  [[nodiscard]] const Slot& slot_of(Token token) const noexcept {
    const auto* const bytes = reinterpret_cast<const std::byte*>(slots_);
    return *reinterpret_cast<const Slot*>(bytes +
                                          (static_cast<std::uint64_t>(token) & place_mask_));
  }

  Slot nobody_;
  const Slot* slots_ = &nobody_;
  std::uint64_t place_mask_ = 0;
};

/// A poller with its clock and its network. All but wake() belongs to the thread of the reactor.
class Backend {
 public:
  virtual ~Backend() = default;

  /// Reports `fd`, under `token`, whenever it can do one of `to`: level-triggered, so again and
  /// again until it cannot. `from` is what the last call for this registration left (none for a
  /// new one), so that no backend needs a table. With `to` none the registration rests, and even a
  /// hang-up must not be reported. Hang-up and error count as both directions.
  /// Errors: operation_not_permitted for what cannot be polled (a regular file),
  /// bad_file_descriptor, and the poller's own; nothing has changed then.
  [[nodiscard]] virtual std::error_code watch(int fd, Ready from, Ready to,
                                              Token token) noexcept = 0;

  /// Ends the registration that watch() began; `from` is what it was left at. Must come before
  /// `fd` is closed. Cannot fail: where the descriptor has gone already, or the registration had
  /// only ever rested (`from` none) and this backend was not told of it, there is nothing to end.
  virtual void unwatch(int fd, Ready from) noexcept = 0;

  /// Sleeps until something is ready, wake() is called or `deadline` has come, and tells `sink`
  /// what is ready, each registration at most once a direction, a bounded number in all (what is
  /// left out is found by the next wait). A deadline that has passed means: look, but do not
  /// sleep. May return early and with nothing. An interrupted sleep (EINTR) is no error. What
  /// `sink` throws passes through, and ends the wait; the events behind it are found by the next.
  [[nodiscard]] virtual std::error_code wait(Sink& sink, TimePoint deadline) = 0;

  /// Makes the current wait(), or else the next one, return at once. From any thread and from
  /// signal handlers; keeps errno; many calls before a wait count as one; none is ever lost.
  virtual void wake() noexcept = 0;

  /// Forgets every registration without touching the kernel object that held them and starts with
  /// a new one: for a child after fork, whose parent still uses the old one. The reactor then
  /// calls watch() again for each.
  [[nodiscard]] virtual std::error_code reinit() noexcept = 0;

  /// The time now: monotonic, and the only clock the reactor reads.
  [[nodiscard]] virtual TimePoint now() const noexcept = 0;

  /// The socket calls that go with this poller. Lives as long as the backend.
  [[nodiscard]] virtual Net& net() noexcept = 0;

  /// Answers for names in place of the hosts file and DNS; null: the hosts file and DNS. Lives as
  /// long as the backend.
  [[nodiscard]] virtual NameService* name_service() noexcept { return nullptr; }
};

/// A reactor as the host sees it, for a loop that the host runs.
class HostedLoop : public Sink {
 public:
  /// One turn without the wait: runs work, timers that are due and whatever the turn's events left
  /// to do, then calls arm(). The host calls it soon after it has delivered events by ready(),
  /// after wake(), and when the armed time has come. Nothing is thrown out of it.
  virtual void turn() noexcept = 0;

  /// Takes what ready() or batch_ended() threw, where it cannot pass through the host's frames.
  virtual void threw(std::exception_ptr exception) noexcept = 0;

 protected:
  ~HostedLoop() = default;
};

/// A backend inside a loop that the host runs. Its ready() and turn() calls come from there.
class HostedBackend : public Backend {
 public:
  /// Called once, before any other: whom to deliver to. `guest` outlives this backend.
  virtual void attach(HostedLoop& loop) noexcept = 0;

  /// Asks for turn() at `deadline`, or soon if that has passed; replaces the time asked for
  /// before. `keeps_host` tells whether the host must go on running for the guest's sake: the
  /// guest still has something to wait for.
  enum class Liveness : bool { lets_host_end, keeps_host };
  virtual void arm(TimePoint deadline, Liveness liveness) noexcept = 0;

  /// Takes what left a callback of a guest without a hook of its own
  /// (Reactor::set_exception_handler), where the host can pass it to its own caller. False: it
  /// cannot, and the program is terminated.
  [[nodiscard]] virtual bool take_exception(const std::exception_ptr& exception) noexcept {
    (void)exception;  // a loop in C has no way to carry it
    return false;
  }

  /// The host waits, not the reactor: operation_not_supported, which run() hands to its caller.
  [[nodiscard]] std::error_code wait(Sink&, TimePoint) final {
    return std::make_error_code(std::errc::operation_not_supported);
  }
};

/// A backend that this build contains.
struct BuiltBackend {
  std::string_view name;
  Result<std::unique_ptr<Backend>, std::error_code> (*make)();
};

/// What this build contains, the default first. Lives for ever. Any thread.
[[nodiscard]] RONDO_EXPORT std::span<const BuiltBackend> built_backends() noexcept;

/// Makes the backend of that name; for an empty name the one the environment variable
/// RONDO_BACKEND names, else the default. Errors: no such backend (the message lists those that
/// are built), or what the system said. Any thread.
[[nodiscard]] RONDO_EXPORT Result<std::unique_ptr<Backend>> make_backend(
    std::string_view name = {});

}  // namespace rondo
