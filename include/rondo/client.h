// SPDX-License-Identifier: MIT
// rondo: a client's stream, which exists at once and connects later.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include <rondo/endpoint.h>
#include <rondo/export.h>
#include <rondo/options.h>
#include <rondo/stream.h>
#include <rondo/time.h>

namespace rondo {

class Reactor;
class Resolver;

/// `connect(reactor, "example.org:80", handler, {.timeout = 5s})`
struct ConnectOptions {
  /// For connecting, the lookup of the name included. Zero fails at once; `forever`: no limit.
  Duration timeout = std::chrono::seconds{30};
  /// The time until the next address joins. Zero: at once; `forever`: only after a failure.
  Duration stagger = std::chrono::milliseconds{250};
  /// How long the addresses of one family wait for those of the other; see ConnectorOptions.
  Duration resolution_delay = std::chrono::milliseconds{50};
  std::size_t addresses_max = unlimited;  ///< further addresses of a name are not tried
  std::size_t in_flight_max = unlimited;  ///< concurrent attempts; the next waits for one to fail
  std::optional<Endpoint> source{};       ///< the socket is bound to it before it connects
  /// An option that cannot be set ends the attempt, with a message that names it: `connect to
  /// 127.0.0.1:80: set notsent_lowat on 127.0.0.1:80: Protocol not available`.
  SocketOptions socket{};
  StreamOptions stream{};  ///< the limits of the stream
  /// Makes the layer of the stream (see stream_layer.h), and outlives it. on_open is called when
  /// the layer's handshake is done. Null: none.
  StreamLayers* secure = nullptr;
  /// Must outlive the stream. Null: the one that all streams of the reactor share.
  Resolver* resolver = nullptr;
};

/// Connects to `127.0.0.1:80`, `[::1]:80`, `unix:/path`, `unix:@abstract` or `example.org:80`, by
/// the first of its addresses that answers (see Connector). The stream may be written at once: its
/// output is sent when it is connected. Then on_open is called, or on_close with not_connected, the
/// error, and a list of the attempts: `connect to example.org:80: [::1]:80: Connection refused;
/// 127.0.0.1:80: Connection refused`. Neither is called from inside connect(). Destroying the
/// stream ends the attempt without a call. `handler` must outlive the stream.
[[nodiscard]] RONDO_EXPORT std::unique_ptr<Stream> connect(Reactor& reactor,
                                                           std::string_view target,
                                                           StreamHandler& handler,
                                                           const ConnectOptions& options = {});

/// The same with functions, which live as long as the stream, and each until it has returned.
[[nodiscard]] RONDO_EXPORT std::unique_ptr<Stream> connect(Reactor& reactor,
                                                           std::string_view target,
                                                           StreamFunctions functions,
                                                           const ConnectOptions& options = {});

}  // namespace rondo
