// SPDX-License-Identifier: MIT
// rondo: a simulated network. A World has hosts, links and a clock of its own. Complete servers and
// clients run in it on one thread, through their usual API, and one seed decides everything random.
// See docs/sim.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include <rondo/backend.h>
#include <rondo/export.h>
#include <rondo/function.h>
#include <rondo/net.h>
#include <rondo/result.h>
#include <rondo/time.h>

namespace rondo::sim {

class WorldImpl;
class Machine;

/// The connection between two hosts, in each direction, such as
/// `{.latency = 20ms, .bandwidth = 1'000'000}`. The bytes of a TCP connection arrive
/// complete and in order, sooner or later; a datagram may be lost. A probability is from 0 to 1.
struct Link {
  Duration latency = std::chrono::milliseconds{1};  ///< from the sender to the receiver
  Duration jitter{};            ///< the maximum additional latency, drawn for each packet
  std::uint64_t bandwidth = 0;  ///< bytes per second; 0: unlimited
  double loss = 0;              ///< for datagrams, like the next two
  double duplication = 0;       ///< how likely a datagram arrives twice
  double reordering = 0;        ///< how likely a datagram is overtaken by later ones
};

/// Random faults, in addition to what the links do and what the test does to hosts. Each fault
/// affects one call, event or packet at a time, with its own probability. The program itself must
/// query and carry out the last four.
enum class Fault : std::uint8_t {
  short_read,           ///< fewer bytes than there are
  short_write,          ///< fewer bytes accepted than there is room for
  not_now,              ///< EAGAIN for a ready descriptor, as after EINTR
  broken,               ///< a connection is reset in the middle of a read
  broken_pipe,          ///< a connection is reset in the middle of a write: EPIPE
  no_buffers,           ///< ENOBUFS for a write
  no_memory,            ///< ENOMEM for a read, a socket or an accept
  no_descriptor,        ///< EMFILE
  no_file,              ///< ENFILE
  accept_aborted,       ///< ECONNABORTED; the connection is lost
  refused,              ///< a connection is refused although the peer listens
  unanswered,           ///< the peer does not answer a connect: ETIMEDOUT after minutes
  unreachable,          ///< EHOSTUNREACH at once
  slow_handshake,       ///< a handshake that takes seconds
  reset_for_end,        ///< a reset instead of the end of input
  end_with_data,        ///< the last bytes and the end in one packet
  split_packet,         ///< a packet arrives as two
  slow_packet,          ///< a packet takes 100 times as long
  lost_datagram,        ///< in addition to the loss of the link
  doubled_datagram,     ///< in addition to the duplication of the link
  late_datagram,        ///< later datagrams overtake it
  spurious_ready,       ///< a descriptor is reported as ready that is not
  late_ready,           ///< readiness is reported by a later wait
  doubled_ready,        ///< readiness is reported twice in one batch
  stale_event,          ///< an event for a registration that has ended
  shuffled_batch,       ///< the events of a batch in another order
  cut_batch,            ///< only the first events of a batch
  spurious_wake,        ///< a wait returns without a reason
  late_wake,            ///< a wake-up takes a millisecond
  late_timer,           ///< a wait returns up to 10 ms after its deadline
  clock_jump,           ///< the clock of a host jumps forward by up to a minute
  slow_name,            ///< the answer to a lookup takes seconds
  failing_name,         ///< server_failed
  missing_name,         ///< host_not_found
  silent_name,          ///< a lookup is never answered: only a timeout ends it
  failed_allocation,    ///< for an operator new that calls allocation_fails()
  throwing_callback,    ///< a callback throws an exception
  destroying_callback,  ///< a callback destroys streams, servers, timers or its own object
  stopping_callback,    ///< a callback ends or stops the object that it belongs to
};
/// The number of faults.
constexpr std::size_t fault_count = static_cast<std::size_t>(Fault::stopping_callback) + 1;

/// The enumerator as it is written in the source: `short_read`.
[[nodiscard]] RONDO_EXPORT std::string_view name_of(Fault fault) noexcept;

/// Whether Fault::failed_allocation strikes: call it in the operator new of a test program, and
/// throw std::bad_alloc if it returns true. It returns true only inside the callbacks and turns of
/// reactors in a world on this thread, never inside the calls of the world itself. The number of
/// allocations depends on the standard library, so such a run can only be repeated with the same
/// program and library.
[[nodiscard]] RONDO_EXPORT bool allocation_fails() noexcept;

/// Which faults strike, and how often. Initially none does.
class RONDO_EXPORT Faults {
 public:
  /// From 0, never, to 1, always. If not_now or late_ready strikes always, no program makes
  /// progress.
  void set(Fault fault, double probability) noexcept;
  /// The probability that set(), swarm() or clear() has left.
  [[nodiscard]] double get(Fault fault) const noexcept;
  /// Draws from the seed which faults strike, about a third of them, and how often: usually between
  /// one time in 20 and one in 1,000. Another seed draws other faults.
  void swarm();
  /// No fault strikes from now on. The counts stay.
  void clear() noexcept;
  /// Draws whether the fault strikes now: for the faults that the program itself carries out.
  [[nodiscard]] bool strikes(Fault fault) noexcept;
  /// How often the fault has struck so far.
  [[nodiscard]] std::uint64_t count(Fault fault) const noexcept;

 private:
  friend class WorldImpl;
  explicit Faults(WorldImpl& world) noexcept : world_(world) {}
  WorldImpl& world_;
};

/// A machine of the world with one process: descriptors, ports, socket files and a clock. The World
/// owns it, and destroys it with itself.
class RONDO_EXPORT Host {
 public:
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host();

  /// For a reactor that the world runs: `Reactor server{host.backend()}`. A host can have any
  /// number of them. Destroy the reactor before the world. After a crash, or if the host is down
  /// when it is made, the backend is dead for good: it calls nothing back, and all its calls fail.
  /// Destroy the objects on it.
  [[nodiscard]] std::unique_ptr<HostedBackend> backend();
  /// For a reactor that runs itself, as in an unchanged main(): its run() advances the world, in
  /// which the other reactors run meanwhile. If the event it waits for can never happen, wait()
  /// returns resource_deadlock_would_occur; if the host has crashed, operation_canceled.
  [[nodiscard]] std::unique_ptr<Backend> driving_backend();
  /// The socket calls of this host's process. They behave as on Linux, except for what docs/sim.md
  /// lists.
  [[nodiscard]] Net& net() noexcept;

  /// Adds an IPv4 or IPv6 address. Errors: invalid_argument; address_in_use: another host has it.
  /// The message names both: `add address fd00::1 to server: Address already in use`.
  Result<void> add_address(std::string_view address);
  /// The first address: `10.0.0.1`.
  [[nodiscard]] std::string_view address() const noexcept;
  /// The name that World::host() was called with first, or the address.
  [[nodiscard]] std::string_view name() const noexcept;

  /// pipe(2) and dup(2), which Net does not have. Returns 0 or more, or the negative errno.
  int pipe(int (&fds)[2]) noexcept;
  /// Another descriptor of the same file: dup(2).
  int duplicate(int fd) noexcept;

  /// Switches the power off. Descriptors, sockets and packets in flight to the host are gone
  /// without notice: peers receive nothing more, or a reset after the host has restarted.
  void crash();
  /// Switches the power on again: nothing is left of what ran before. The clock goes on.
  void restart();
  /// False from crash() until restart().
  [[nodiscard]] bool is_up() const noexcept;

  /// The number of descriptors that may be open: opening one more fails with EMFILE.
  void limit_descriptors(std::size_t count) noexcept;
  /// The bytes in the buffers of all TCP sockets: a write above that fails with ENOBUFS.
  void limit_memory(std::size_t bytes) noexcept;
  /// Sets the clock of this host forward at once, by up to a year.
  void jump_clock(Duration forward);
  /// The clock of this host, which jump_clock() and Fault::clock_jump change.
  [[nodiscard]] TimePoint now() const noexcept;

  /// Descriptors that are open.
  [[nodiscard]] std::size_t descriptors() const noexcept;
  /// The TCP connections in this host's kernel, including closed ones that still send.
  [[nodiscard]] std::size_t connections() const noexcept;

 private:
  friend class WorldImpl;
  Host(WorldImpl& world, std::string_view name, std::uint32_t id);
  std::unique_ptr<Machine> machine_;
};

/// `World world{42, {.link = {.latency = 20ms}}}`
struct WorldOptions {
  Link link{};  ///< between hosts for which World::link() was not called
  /// The number of turns at one point in time after which a microsecond passes, so that a reactor
  /// that spins does not stop the clock. After as many more turns twice that passes, and so on up
  /// to a second.
  std::uint32_t turns_per_instant_max = 10'000;
  /// If true, and only another thread or a signal can cause progress, the wait() of a driving
  /// backend sleeps in real time until wake(), instead of reporting a deadlock. Such runs cannot be
  /// repeated.
  bool awaits_threads = false;
  /// Every random choice consumes one or more of these bytes, or is drawn from the seed once they
  /// are used up: so the input of a fuzzer decides. An event with a probability happens for small
  /// values, and always for 0. The bytes must outlive the world.
  Bytes choices{};
};

/// A network with its own time, which jumps to the next event: an hour without events costs
/// nothing. A world belongs to one thread; other threads may use Reactor::post(). Worlds are
/// independent of each other. The same seed, calls and library give the same run on every machine.
/// Destroy it after every reactor on it. An invalid argument, such as an unknown host or a
/// probability of 2, ends the program with a message, in release builds too, because the test would
/// otherwise test nothing.
class RONDO_EXPORT World {
 public:
  /// If RONDO_SIM_TRACE is set in the environment, the trace is appended to the file of that name.
  explicit World(std::uint64_t seed, const WorldOptions& options = {});
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  /// The host with that address or name, in which upper and lower case are equal. The first call
  /// makes it. If name() has set addresses for the name, the host gets the first of them. Otherwise
  /// it gets the next address of 10.77.0.0/16, and the name resolves to it.
  Host& host(std::string_view name_or_address);
  /// Sets the answer that a Resolver on any host gets for `name`: these addresses or, if there are
  /// none, that the name does not exist. The addresses need not belong to a host.
  void name(std::string_view name, std::initializer_list<std::string_view> addresses);
  /// Sets the time until a lookup is answered.
  void name_latency(Duration latency) noexcept;

  // The arguments are names or addresses of existing hosts.

  /// Sets both directions. Applies to what is sent from now on.
  void link(std::string_view a, std::string_view b, const Link& link);
  /// From now on nothing passes between the two hosts. Datagrams are lost. TCP retries until
  /// heal(), or gives up: after two minutes for a connect, after 15 minutes for written data.
  void partition(std::string_view a, std::string_view b);
  /// Calls heal() after `duration`.
  void partition(std::string_view a, std::string_view b, Duration duration);
  /// Like partition(), in one direction.
  void cut(std::string_view from, std::string_view to);
  /// Ends what partition() and cut() did between two hosts, in both directions.
  void heal(std::string_view a, std::string_view b);
  /// Keeps what is sent in one direction, datagrams too, until release() delivers it in order.
  void hold(std::string_view from, std::string_view to);
  /// Delivers what hold() has kept, in its order, and keeps nothing more.
  void release(std::string_view from, std::string_view to);

  /// The random faults of this world. They live as long as it.
  [[nodiscard]] Faults& faults() noexcept;

  // These run the network and the reactors of backend(). If a callback throws, and its reactor has
  // no exception handler (Reactor::set_exception_handler), the exception leaves these functions, or
  // the run() of a reactor on a driving_backend(), at the end of the turn. They can then be called
  // again.

  /// Runs until `duration` has passed.
  void run_for(Duration duration);
  /// Runs until `done()` returns true: it is called at the start and after each step. Returns false
  /// if `limit` has passed before; report() then describes the state.
  bool run_until(Function<bool()> done, Duration limit);
  /// Runs until nothing can happen any more: for ever, if a timer repeats. Error:
  /// resource_deadlock_would_occur if a descriptor or reactor waits for an event that can never
  /// come, which waiting() describes. Listening sockets do not count as waiting, nor do tasks that
  /// wait for each other.
  Result<void> run();
  /// Lines for people: what waits for which event (the first 50), and what the other end is doing;
  /// then what each task waits in (the first 50), as describe_tasks() has it; then the obstacles:
  /// hosts that are down, paths that are cut or held, lookups without an answer.
  [[nodiscard]] std::string waiting() const;
  /// Lines for people, to be printed with a failure: summary(), how to repeat the run, the faults
  /// that have struck, the time of the next event, and waiting().
  [[nodiscard]] std::string report() const;

  /// The true time; the clock of a host may differ. Begins at one hour.
  [[nodiscard]] TimePoint now() const noexcept;
  /// The time since the world was made.
  [[nodiscard]] Duration elapsed() const noexcept;
  /// The seed that the world was made with.
  [[nodiscard]] std::uint64_t seed() const noexcept;
  /// Draws a number below `bound`, which is at least 1: for choices of the test.
  [[nodiscard]] std::uint64_t draw(std::uint64_t bound) noexcept;

  /// The hash of all events so far. Two runs with equal hashes were the same run.
  [[nodiscard]] std::uint64_t trace_hash() const noexcept;
  /// Adds a line to the trace: `the test  says ...`.
  void note(std::string_view what);
  /// Sets a function that is called with each event from now on, as a line for people.
  void on_trace(Function<void(std::string_view line)> reader);
  /// Writes these lines to a file, which is replaced. Each line is flushed at once, so that none is
  /// lost if the program aborts. Errors: those of the system, as `write PATH: ...`; then nothing is
  /// written.
  Result<void> write_trace(const std::string& path);
  /// One line: `seed 42, trace 9f86d081884c7d65 at 3603.250000000 s`.
  [[nodiscard]] std::string summary() const;

 private:
  std::unique_ptr<WorldImpl> impl_;
};

/// The seeds for a test: 1 to `count`. RONDO_SIM_SEED=17 in the environment selects that one alone;
/// RONDO_SIM_SEEDS=1000 selects 1,000, beginning with RONDO_SIM_SEED or 1. Iterate over it:
///
///     for (const std::uint64_t seed : rondo::sim::test_seeds(200)) { ... }
class TestSeeds {
 public:
  /// Goes from seed to seed.
  class Iterator {
   public:
    /// At this seed.
    explicit Iterator(std::uint64_t seed) noexcept : seed_(seed) {}
    /// The seed.
    std::uint64_t operator*() const noexcept { return seed_; }
    /// To the next seed.
    Iterator& operator++() noexcept {
      ++seed_;
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    std::uint64_t seed_;
  };

  /// `count` seeds from `first` on.
  TestSeeds(std::uint64_t first, std::uint64_t count) noexcept : first_(first), count_(count) {}
  /// At the first seed.
  [[nodiscard]] Iterator begin() const noexcept { return Iterator{first_}; }
  /// Behind the last seed.
  [[nodiscard]] Iterator end() const noexcept { return Iterator{first_ + count_}; }
  /// How many there are.
  [[nodiscard]] std::uint64_t size() const noexcept { return count_; }

 private:
  std::uint64_t first_;
  std::uint64_t count_;
};
/// The seeds for a test; see TestSeeds. An environment variable that is no number ends the program.
[[nodiscard]] RONDO_EXPORT TestSeeds test_seeds(std::uint64_t count);

}  // namespace rondo::sim
