// rondo: a client's stream: there at once, connected soon.
#pragma once

#include <chrono>
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

struct ConnectOptions {
  Duration timeout = std::chrono::seconds{30};        ///< to be connected, the name included
  Duration stagger = std::chrono::milliseconds{250};  ///< before the next address joins the race
  std::optional<Endpoint> source{};                   ///< bound to before connecting
  SocketOptions socket{};  ///< one that cannot be had ends the attempt, and is named
  StreamOptions stream{};
  Resolver* resolver =
      nullptr;  ///< outlives the stream; null: one that the reactor's streams share
};

/// Begins to connect to `127.0.0.1:80`, `[::1]:80`, `unix:/path`, `unix:@abstract` or
/// `example.org:80`, whichever of its addresses answers first (see Connector). The stream may be
/// written at once: it leaves when it is connected. Then on_open is called; or, if no address
/// answers, on_close with not_connected, the error, and all that was tried: `connect to
/// example.org:80:
/// [::1]:80: Connection refused; 127.0.0.1:80: Connection refused`. Destroying the stream ends the
/// attempt. `handler` outlives it.
[[nodiscard]] RONDO_EXPORT std::unique_ptr<Stream> connect(Reactor& reactor,
                                                           std::string_view target,
                                                           StreamHandler& handler,
                                                           const ConnectOptions& options = {});

}  // namespace rondo
