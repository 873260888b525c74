// SPDX-License-Identifier: MIT
// rondo: accepts connections, also when descriptors run out.
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

/// How many connections are accepted at once, and how long an acceptor pauses.
struct AcceptLimits {
  std::size_t accepts_per_turn_max = 64;  ///< then the other handlers run; at least 1
  /// The first pause when descriptors or memory are exhausted; at least 10 ms. Each further pause
  /// is twice as long, up to `pause_max`, until a connection is accepted.
  Duration pause_min = std::chrono::milliseconds{10};
  Duration pause_max = std::chrono::seconds{1};  ///< the longest pause; at least `pause_min` counts
};

/// `Acceptor::make(reactor, endpoint, on_accept, {.socket = {.reuse_port = true}})`
struct AcceptorOptions {
  SocketOptions socket{};        ///< for the listener and accepted sockets; see Acceptor::unapplied
  AcceptLimits accept_limits{};  ///< how many at once, and the pauses
};

/// Listens, and passes each accepted connection to a callback. When the process or the system has
/// no descriptors or no memory left, it sheds the waiting connections: it accepts them by a
/// descriptor in reserve, one for each reactor, and closes them, so that the peers notice. Then it
/// pauses.
/// So it never spins, and no client waits unnoticed. Destroying it, also inside its own callbacks,
/// closes the listener. Destroy it before the reactor. Use it on the reactor's thread only.
class RONDO_EXPORT Acceptor {
 public:
  /// What has happened since the acceptor was made.
  struct Counters {
    std::uint64_t accepted = 0;   ///< connections that were passed to the callback
    std::uint64_t transient = 0;  ///< connections that were gone before they were accepted
    std::uint64_t shed = 0;       ///< connections closed because descriptors had run out
    /// By itself, as when descriptors had run out; those of pause() do not count.
    std::uint64_t pauses = 0;
  };
  /// Gets each connection and the address of its other end. It may destroy the acceptor. An
  /// exception leaves through Reactor::run().
  using OnAccept = Function<void(Socket client, const Endpoint& peer)>;
  /// See set_error_handler().
  using ErrorHandler = Function<void(std::error_code error)>;

  /// Errors: those of Socket::listen. The file of a Unix socket that no socket uses any more is
  /// replaced; the file of this one stays when it ends.
  [[nodiscard]] static Result<Acceptor> make(Reactor& reactor, const Endpoint& local,
                                             OnAccept on_accept,
                                             const AcceptorOptions& options = {});
  /// Accepts from a socket that is already listening, such as one of systemd's. It is made
  /// non-blocking, and a linger time is switched off. Errors: those of getsockopt(2); the message
  /// says if it is not a socket of the right kind, or does not listen: `accept on 127.0.0.1:80: the
  /// socket does not listen: Invalid argument`. It is closed then.
  [[nodiscard]] static Result<Acceptor> adopt(Reactor& reactor, Socket listener, OnAccept on_accept,
                                              const AcceptLimits& limits = {});
  Acceptor(Acceptor&& other) noexcept;
  Acceptor& operator=(Acceptor&& other) noexcept;
  ~Acceptor();

  /// `handler` is called if accepting fails for a reason that waiting cannot cure. The acceptor is
  /// paused then; resume() tries again.
  void set_error_handler(ErrorHandler handler) noexcept;

  /// The address of the listener, with the port that the system chose.
  [[nodiscard]] const Endpoint& local_endpoint() const noexcept;
  /// They grow while the acceptor lives; the reference stays valid as long.
  [[nodiscard]] const Counters& counters() const noexcept;
  /// The options of AcceptorOptions::socket that could not be set. The acceptor works without them.
  [[nodiscard]] std::span<const UnappliedOption> unapplied() const noexcept;

  /// Leaves connections in the listen queue until resume(). A pause because of exhaustion is
  /// independent of it and may last longer.
  void pause() noexcept;
  /// Accepts again: after pause(), or after an error that was reported.
  void resume() noexcept;

 private:
  class Impl;
  struct Retire {  // the Impl is kept until its own callbacks have returned
    void operator()(Impl* impl) const noexcept;
  };
  explicit Acceptor(std::unique_ptr<Impl, Retire> impl) noexcept;
  friend class Server;
  [[nodiscard]] static Result<Acceptor> start(Reactor& reactor, Socket listener,
                                              const Endpoint& local, OnAccept on_accept,
                                              const AcceptLimits& limits);

  std::unique_ptr<Impl, Retire> impl_;
};

}  // namespace rondo
