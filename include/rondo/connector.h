// rondo: connects to a host, by whichever of its addresses answers first.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/export.h>
#include <rondo/function.h>
#include <rondo/result.h>
#include <rondo/socket.h>
#include <rondo/time.h>

namespace rondo {

class Reactor;
class Resolver;

struct ConnectorOptions {
  Duration timeout = std::chrono::seconds{30};        ///< for all, the name included
  Duration stagger = std::chrono::milliseconds{250};  ///< before the next address joins the race
  std::size_t addresses_max = 16;    ///< for a name; further addresses are not tried
  std::size_t in_flight_max = 8;     ///< attempts at a time; more wait for a failure
  std::optional<Endpoint> source{};  ///< bound to before connecting
  /// Called on each new socket, before it is bound and connected, never from inside the
  /// constructor. An error ends the attempt. May destroy the Connector.
  Function<std::error_code(Socket& socket)> prepare{};
};

/// Connects, once. A name's addresses are tried as RFC 8305 (Happy Eyeballs) says: the families in
/// turn, each `stagger` after the last, at once if the last one failed; the first to connect wins,
/// and the others are closed. A connection to itself, which TCP makes on loopback where no
/// socket listens, is dropped and tried again, then refused. Destroying it, at any time and from
/// its own callbacks, ends it without a call. Keeps run() alive until it has ended. Not after the
/// reactor. Thread: its.
class RONDO_EXPORT Connector {
 public:
  /// Called once, in a later turn, unless the Connector is destroyed before. The error lists what
  /// was tried, the most telling last, which gives the code: `connect to example.org:80:
  /// [::1]:80: Network is unreachable; 127.0.0.1:80: Connection refused`. The resolver's own errors
  /// for the name; timed_out; invalid_argument for what is no endpoint.
  using Callback = Function<void(Result<Socket> connected)>;

  static constexpr std::size_t self_connects_max = 8;  ///< then the address counts as refused

  /// To `127.0.0.1:80`, `[::1]:80`, `unix:/path`, `unix:@abstract` or `example.org:80`. `resolver`
  /// outlives the Connector, and is asked for a name alone.
  Connector(Reactor& reactor, Resolver& resolver, std::string_view target, Callback callback,
            ConnectorOptions options = {});
  /// To one of these, in their order.
  Connector(Reactor& reactor, std::vector<Endpoint> peers, Callback callback,
            ConnectorOptions options = {});
  Connector(Connector&& other) noexcept;
  Connector& operator=(Connector&& other) noexcept;
  ~Connector();

 private:
  class Impl;
  struct Retire {  // it may outlive us, until a call of its own has returned
    void operator()(Impl* impl) const noexcept;
  };

  std::unique_ptr<Impl, Retire> impl_;
};

}  // namespace rondo
