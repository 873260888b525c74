// rondo: a network in a box. A World has hosts, links and a clock of its own; whole servers and
// clients run in it on one thread, through the API that they always use, and one seed decides
// everything that is left to chance. See docs/sim.md.
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

/// What lies between two hosts, each way. Bytes of a TCP connection arrive in order and whole, in
/// whatever time that takes; a datagram may be lost. A probability is from 0 to 1.
struct Link {
  Duration latency = std::chrono::milliseconds{1};
  Duration jitter{};            ///< up to so much more, drawn for each packet
  std::uint64_t bandwidth = 0;  ///< bytes a second; 0: no such limit
  double loss = 0;              ///< of datagrams, as are the next two
  double duplication = 0;
  double reordering = 0;
};

/// What can go wrong beyond what links and hosts are told to do. Each happens to one call, event or
/// packet at a time, with its probability. The last four are the program's to do, where it asks.
enum class Fault : std::uint8_t {
  short_read,      ///< fewer bytes than there are
  short_write,     ///< fewer bytes taken than there is room for
  not_now,         ///< EAGAIN, as after EINTR, of what is ready
  broken,          ///< a connection is reset in the middle of a read
  broken_pipe,     ///< a connection is reset in the middle of a write: EPIPE
  no_buffers,      ///< ENOBUFS of a write
  no_memory,       ///< ENOMEM of a read, a socket, an accept
  no_descriptor,   ///< EMFILE
  no_file,         ///< ENFILE
  accept_aborted,  ///< ECONNABORTED, and that client is gone
  refused,         ///< a connection refused where somebody listens
  unanswered,      ///< one that nobody answers: ETIMEDOUT, much later
  unreachable,     ///< EHOSTUNREACH at once
  slow_handshake,  ///< a handshake that takes seconds
  reset_for_end,   ///< a reset in the place of the end of input
  end_with_data,   ///< the last bytes and the end in one packet
  split_packet,    ///< a packet in two
  slow_packet,     ///< one that takes 100 times as long
  lost_datagram,   ///< beside what the link loses
  doubled_datagram,
  late_datagram,   ///< overtaken by others
  spurious_ready,  ///< readiness that is not true
  late_ready,      ///< readiness told by a later wait
  doubled_ready,   ///< told twice in one batch
  stale_event,     ///< for a registration that has ended
  shuffled_batch,
  cut_batch,            ///< only the first events of a batch
  spurious_wake,        ///< a wait that ends for nothing
  late_wake,            ///< a wake-up that takes a millisecond
  late_timer,           ///< a wait that ends after its deadline, by up to 10 ms
  clock_jump,           ///< the clock of a host goes forward by up to a minute
  slow_name,            ///< an answer that takes seconds
  failing_name,         ///< server_failed
  missing_name,         ///< host_not_found
  silent_name,          ///< no answer at all: only a timeout ends it
  failed_allocation,    ///< of an operator new that asks allocation_fails()
  throwing_callback,    ///< these three of who asks Faults::strikes()
  destroying_callback,  ///< of whatever is at hand: streams, servers, timers, itself
  stopping_callback,    ///< ends or stops what it belongs to
};
constexpr std::size_t fault_count = static_cast<std::size_t>(Fault::stopping_callback) + 1;

/// `short_read`: as the enumerator is written.
[[nodiscard]] RONDO_EXPORT std::string_view name_of(Fault fault) noexcept;

/// For the operator new of a test program, which throws std::bad_alloc then: whether
/// Fault::failed_allocation strikes. Only inside the callbacks and turns of reactors in a world on
/// this thread, never inside the world's own calls. How often a library allocates is its own
/// affair: such a run is the same again in the same program, not with another standard library.
[[nodiscard]] RONDO_EXPORT bool allocation_fails() noexcept;

/// Which faults strike, and how often. None, to begin with.
class RONDO_EXPORT Faults {
 public:
  /// From 0, never, to 1, always: with not_now or late_ready always, nobody gets anywhere.
  void set(Fault fault, double probability) noexcept;
  [[nodiscard]] double get(Fault fault) const noexcept;
  /// Draws from the seed which of them strike, about a third, and how often: as a rule one time in
  /// 20 to one in 1,000. Another seed is another swarm.
  void swarm();
  void clear() noexcept;
  /// Draws whether it strikes now: for what a program does wrong by itself.
  [[nodiscard]] bool strikes(Fault fault) noexcept;
  /// How often it has struck so far.
  [[nodiscard]] std::uint64_t count(Fault fault) const noexcept;

 private:
  friend class WorldImpl;
  explicit Faults(WorldImpl& world) noexcept : world_(world) {}
  WorldImpl& world_;
};

/// One machine of the world, with one process: descriptors, ports, socket files, a clock. Belongs
/// to the World, and lives as long.
class RONDO_EXPORT Host {
 public:
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host();

  /// For a reactor that the world runs: `Reactor server{host.backend()}`. Any number a host. The
  /// world outlives it. After a crash it is dead for good, as one is that is made while the host is
  /// down: nothing is called there any more, and its calls fail. Destroy what is on it.
  [[nodiscard]] std::unique_ptr<HostedBackend> backend();
  /// For a reactor that runs itself, as in an unchanged main(): run() advances the world, in which
  /// the other reactors run meanwhile. Its wait() for what can never happen is an error,
  /// resource_deadlock_would_occur; on a host that has crashed, operation_canceled.
  [[nodiscard]] std::unique_ptr<Backend> driving_backend();
  /// The socket calls of this host's process. As on Linux, but for what docs/sim.md lists.
  [[nodiscard]] Net& net() noexcept;

  /// One more address, IPv4 or IPv6. Errors: invalid_argument; address_in_use by another host.
  std::error_code add_address(std::string_view address);
  /// The first one: `10.0.0.1`.
  [[nodiscard]] std::string_view address() const noexcept;
  [[nodiscard]] std::string_view name() const noexcept;

  /// What a process can have beside what Net makes: pipe(2), dup(2). 0 or more, or the negative
  /// errno.
  int pipe(int (&fds)[2]) noexcept;
  int duplicate(int fd) noexcept;

  /// Power off: descriptors, packets under way to it and sockets are gone, and nobody is told.
  /// Peers learn it from silence, or by a reset once it runs again.
  void crash();
  void restart();
  [[nodiscard]] bool is_up() const noexcept;

  /// How many may be open: the next is EMFILE.
  void limit_descriptors(std::size_t count) noexcept;
  /// Of bytes in the buffers of all TCP sockets: the next write is ENOBUFS.
  void limit_memory(std::size_t bytes) noexcept;
  /// This host's clock goes forward at once, by up to a year.
  void jump_clock(Duration forward);
  [[nodiscard]] TimePoint now() const noexcept;

  [[nodiscard]] std::size_t descriptors() const noexcept;
  /// TCP connections that this host's kernel still knows, closed ones that linger included.
  [[nodiscard]] std::size_t connections() const noexcept;

 private:
  friend class WorldImpl;
  Host(WorldImpl& world, std::string_view name, std::uint32_t id);
  std::unique_ptr<Machine> machine_;
};

struct WorldOptions {
  Link link{};  ///< between hosts for which link() says nothing
  /// Of run_for() and its like: turns at one point in time, after which a microsecond passes; after
  /// as many more twice that, and so on up to a second. Who spins does not stop the clock.
  std::uint32_t turns_per_instant_max = 10'000;
  /// When only another thread could go on, a driving wait() sleeps until wake(), in real time,
  /// instead of telling a deadlock. No run is the same twice then.
  bool awaits_threads = false;
  /// What is left to chance is taken from these bytes, one or as many as it needs, and from the
  /// seed once they are used up: a fuzzer's input is the world's luck then. A chance comes true for
  /// small values, and for 0 however rare it is. They outlive the world.
  Bytes choices{};
};

/// A network, and the time in it, which jumps to the next event: an hour of silence costs nothing.
/// All of it on one thread, which another may leave work to by Reactor::post(). Worlds know nothing
/// of one another. The same seed, calls and library do the same on every machine. Outlives every
/// reactor on it. What makes no sense, such as a host that is not there or a probability of 2, ends
/// the program and says so, in release builds too: a test that went on would test nothing.
class RONDO_EXPORT World {
 public:
  /// Where RONDO_SIM_TRACE is set in the environment, the trace is added to the file of that name.
  explicit World(std::uint64_t seed, const WorldOptions& options = {});
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  /// The host of that address, or name, whatever the case of its letters; made when it is first
  /// mentioned here. A new name gets the next address of 10.77.0.0/16, and resolves to it; one that
  /// name() knows, the first address of that.
  Host& host(std::string_view name_or_address);
  /// What a Resolver on any host is told of `name`: these addresses, or that there is no such name.
  /// They need not belong to a host.
  void name(std::string_view name, std::initializer_list<std::string_view> addresses);
  /// How long an answer to a lookup takes.
  void name_latency(Duration latency) noexcept;

  // Hosts, each by a name or any of its addresses, that are there already.

  /// Both ways. Holds for what is sent from now on.
  void link(std::string_view a, std::string_view b, const Link& link);
  /// Nothing passes between them any more. Datagrams are lost; TCP tries again until heal(), or
  /// gives up: after two minutes with a connect, 15 with what was written.
  void partition(std::string_view a, std::string_view b);
  /// heal() follows by itself.
  void partition(std::string_view a, std::string_view b, Duration duration);
  /// The same one way.
  void cut(std::string_view from, std::string_view to);
  void heal(std::string_view a, std::string_view b);
  /// What is sent one way is kept, datagrams too, until it is released in order.
  void hold(std::string_view from, std::string_view to);
  void release(std::string_view from, std::string_view to);

  [[nodiscard]] Faults& faults() noexcept;

  // Running the reactors of backend(), and the network. What leaves a callback of a reactor without
  // a hook of its own (Reactor::set_exception_handler) leaves these too, or the run() of a
  // driving_backend(), when its turn is over. All is as it was: run on.

  /// Until `duration` has passed.
  void run_for(Duration duration);
  /// Until `done()`, which is asked first and after each step. False: not within `limit`, which has
  /// passed then; report() tells why.
  bool run_until(Function<bool()> done, Duration limit);
  /// Until nothing can happen any more; so for ever, if a timer repeats.
  /// resource_deadlock_would_occur: somebody waits for what can never come, which waiting()
  /// describes; who merely listens does not count.
  [[nodiscard]] std::error_code run();
  /// Who waits, for what, and what the other end does about it; then what is in the way: hosts that
  /// are down, paths that are cut or held, names that nobody answers for. Lines, for people; the
  /// first 50 who wait.
  [[nodiscard]] std::string waiting() const;
  /// All that is to be printed with a failure: summary(), how to have the run again, the faults
  /// that have struck, when something happens next, and waiting(). Lines, for people.
  [[nodiscard]] std::string report() const;

  /// The true time, from which a host's may differ. Begins at an hour.
  [[nodiscard]] TimePoint now() const noexcept;
  /// Since the beginning of the world.
  [[nodiscard]] Duration elapsed() const noexcept;
  [[nodiscard]] std::uint64_t seed() const noexcept;
  /// Draws a number below `bound`, at least 1: for a test's own choices.
  [[nodiscard]] std::uint64_t draw(std::uint64_t bound) noexcept;

  /// Of all that has happened. Two runs with one hash were the same run.
  [[nodiscard]] std::uint64_t trace_hash() const noexcept;
  /// Adds a line of the test's own: `the test  says ...`.
  void note(std::string_view what);
  /// Gets each event from now on as a line to be read by people.
  void on_trace(Function<void(std::string_view line)> reader);
  /// Writes these lines to a file, which is replaced. Each is there at once, also when the program
  /// aborts next. Errors: the system's; nothing is written then.
  std::error_code write_trace(const std::string& path);
  /// `seed 42, trace 9f86d081884c7d65 at 3603.250000000 s`, on one line.
  [[nodiscard]] std::string summary() const;

 private:
  std::unique_ptr<WorldImpl> impl_;
};

/// The seeds that a test is to run: 1 to `count`. With RONDO_SIM_SEED=17 in the environment, that
/// one alone; with RONDO_SIM_SEEDS=1000 so many, from RONDO_SIM_SEED or 1 on. To be walked:
///
///     for (const std::uint64_t seed : rondo::sim::test_seeds(200)) { ... }
class TestSeeds {
 public:
  class Iterator {
   public:
    explicit Iterator(std::uint64_t seed) noexcept : seed_(seed) {}
    std::uint64_t operator*() const noexcept { return seed_; }
    Iterator& operator++() noexcept {
      ++seed_;
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    std::uint64_t seed_;
  };

  TestSeeds(std::uint64_t first, std::uint64_t count) noexcept : first_(first), count_(count) {}
  [[nodiscard]] Iterator begin() const noexcept { return Iterator{first_}; }
  [[nodiscard]] Iterator end() const noexcept { return Iterator{first_ + count_}; }
  [[nodiscard]] std::uint64_t size() const noexcept { return count_; }

 private:
  std::uint64_t first_;
  std::uint64_t count_;
};
[[nodiscard]] RONDO_EXPORT TestSeeds test_seeds(std::uint64_t count);

}  // namespace rondo::sim
