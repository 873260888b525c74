// rondo: accepts clients, and stays sane when descriptors run out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/export.h>
#include <rondo/function.h>
#include <rondo/options.h>
#include <rondo/result.h>
#include <rondo/socket.h>
#include <rondo/time.h>

namespace rondo {

class Reactor;

/// How much is accepted at once, and how long it rests.
struct AcceptLimits {
  std::size_t accepts_per_turn_max = 64;  ///< then the other handlers have their turn
  /// How long to pause when descriptors or memory are exhausted: doubled each time, up to the max,
  /// until a client is accepted again. Less than 10 ms counts as 10 ms.
  Duration pause_min = std::chrono::milliseconds{10};
  Duration pause_max = std::chrono::seconds{1};
};

struct AcceptorOptions {
  SocketOptions socket{};  ///< for the listener and its clients; see Acceptor::unapplied
  AcceptLimits accept_limits{};
};

/// Listens, and hands over each client. When the process or the system is out of descriptors, the
/// waiting clients are shed (accepted on a descriptor kept in reserve, and closed, so that they
/// know), then accepting pauses. It never spins and no client is left hanging unseen. Destroying
/// it, also from its own callbacks, closes the listener. Not after the reactor. Thread: its.
class RONDO_EXPORT Acceptor {
 public:
  struct Counters {
    std::uint64_t accepted = 0;
    std::uint64_t transient = 0;  ///< clients that were gone before they were accepted
    std::uint64_t shed = 0;       ///< clients closed for want of descriptors
    std::uint64_t pauses = 0;
  };
  using OnAccept = Function<void(Socket client, const Endpoint& peer)>;
  using ErrorHandler = Function<void(std::error_code error)>;

  /// Errors: those of Socket::listen, named.
  [[nodiscard]] static Result<Acceptor> make(Reactor& reactor, const Endpoint& local,
                                             OnAccept on_accept,
                                             const AcceptorOptions& options = {});
  /// The same on a socket that is already listening and already has its options.
  [[nodiscard]] static Result<Acceptor> adopt(Reactor& reactor, Socket listener, OnAccept on_accept,
                                              const AcceptLimits& limits = {});
  Acceptor(Acceptor&& other) noexcept;
  Acceptor& operator=(Acceptor&& other) noexcept;
  ~Acceptor();

  /// Called if accepting ends for a reason that waiting cannot mend; the acceptor is paused then,
  /// and resume() tries again.
  void set_error_handler(ErrorHandler handler) noexcept;

  /// Where it listens, with the port the system chose.
  [[nodiscard]] const Endpoint& local_endpoint() const noexcept;
  [[nodiscard]] const Counters& counters() const noexcept;
  /// What of AcceptorOptions::socket this system lacks: named, and gone on without.
  [[nodiscard]] std::span<const UnappliedOption> unapplied() const noexcept;

  /// Leaves clients waiting in the listen queue, until resume(). A pause for want of descriptors
  /// goes on beside it, and after it.
  void pause() noexcept;
  void resume() noexcept;

 private:
  class Impl;
  struct Retire {  // it may outlive us, until a call of its own has returned
    void operator()(Impl* impl) const noexcept;
  };
  explicit Acceptor(std::unique_ptr<Impl> impl) noexcept;

  std::unique_ptr<Impl, Retire> impl_;
};

}  // namespace rondo
