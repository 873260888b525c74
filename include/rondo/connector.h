// SPDX-License-Identifier: MIT
// rondo: connects to a host by the first of its addresses that answers.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
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
class Resolver;
class Watch;
namespace detail {
class StreamImpl;
}

/// `Connector{reactor, resolver, "example.org:80", callback, {.timeout = 5s}}`
struct ConnectorOptions {
  /// For everything, the lookup of the name included. Zero fails at once; `forever`: no limit.
  Duration timeout = std::chrono::seconds{30};
  /// The time until the next address joins. Zero: at once; `forever`: only after a failure.
  Duration stagger = std::chrono::milliseconds{250};
  /// How long the addresses of one family wait for those of the other, after a name server has
  /// answered for one. The late ones join when they come. `forever`: until the lookup has ended.
  Duration resolution_delay = std::chrono::milliseconds{50};
  std::size_t addresses_max = unlimited;  ///< further addresses are not tried; at least 1
  /// Concurrent attempts, at least 1: the next waits for one to fail. An address that is silent
  /// takes one until the end, so a limit can hide an address that would answer.
  std::size_t in_flight_max = unlimited;
  std::optional<Endpoint> source{};  ///< sockets are bound to it before they connect
  /// Called for each new socket before it is bound and connects to `peer`, never from inside the
  /// constructor. An error ends the attempt; its context becomes part of the message. So does an
  /// exception, as operation_canceled, which leaves through Reactor::run(). `prepare` may destroy
  /// the Connector.
  Function<Result<void>(Socket& socket, const Endpoint& peer)> prepare{};
};

/// Connects once. The addresses of a name are tried as RFC 8305 (Happy Eyeballs) says: the families
/// alternate, each attempt starts `stagger` after the one before, or as soon as that has failed.
/// All go on until the first connects, which wins; the others are closed. TCP on loopback can
/// connect a socket to itself if no process listens: such a connection is closed, tried again, then
/// reported as refused. Keeps run() alive until it has ended. Destroying it, also inside its own
/// callbacks, ends it without a call. Destroy it before the reactor. Use it on the reactor's thread
/// only.
class RONDO_EXPORT Connector {
 public:
  /// Called once, in a later turn, unless the Connector is destroyed before. The error lists every
  /// attempt; the last one, which says most about the peer, gives the code:
  /// `connect to example.org:80: [::1]:80: Network is unreachable; 127.0.0.1:80: Connection
  /// refused`. Other errors: those of the resolver, timed_out, and invalid_argument for an invalid
  /// target.
  using Callback = Function<void(Result<Socket> connected)>;

  static constexpr std::size_t self_connects_max = 8;  ///< then the address is reported as refused

  /// Connects to `127.0.0.1:80`, `[::1]:80`, `unix:/path`, `unix:@abstract` or `example.org:80`.
  /// `resolver` is used only for a name, and must outlive the Connector.
  Connector(Reactor& reactor, Resolver& resolver, std::string_view target, Callback callback,
            ConnectorOptions options = {});
  /// Connects to one of `peers`, which are tried in their order; there is at least one.
  Connector(Reactor& reactor, std::vector<Endpoint> peers, Callback callback,
            ConnectorOptions options = {});
  Connector(Connector&& other) noexcept;
  Connector& operator=(Connector&& other) noexcept;
  ~Connector();

 private:
  friend class detail::StreamImpl;
  class Impl;
  /// Gets the socket with its registration, which awaits that it is writable, or an empty one.
  using WatchedCallback = Function<void(Result<Socket> connected, Watch watch)>;
  struct Retire {  // the Impl is kept until its own callbacks have returned
    void operator()(Impl* impl) const noexcept;
  };

  Connector(Reactor& reactor, Resolver* resolver, std::string target, std::vector<Endpoint> peers,
            WatchedCallback callback, ConnectorOptions options);

  std::unique_ptr<Impl, Retire> impl_;
};

}  // namespace rondo
