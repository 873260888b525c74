// SPDX-License-Identifier: MIT
// echo: what main() knows of a style of writing the server.
#pragma once

#include <cstdint>
#include <memory>

#include <rondo/endpoint.h>
#include <rondo/reactor.h>
#include <rondo/result.h>
#include <rondo/stream_layer.h>
#include <rondo/time.h>

namespace echo {

struct Totals {
  std::uint64_t clients = 0;  ///< served, including those that have left
  std::uint64_t bytes = 0;    ///< sent back
};

/// A listening server. Destroying it closes its connections.
struct Service {
  virtual ~Service() = default;

  rondo::Endpoint local{};  ///< where it listens
  Totals totals{};
};

struct Settings {
  /// Clients that are silent for so long are closed.
  rondo::Duration idle_timeout = rondo::forever;
  /// Null: what is sent is not encrypted.
  rondo::StreamLayers* secure = nullptr;
};

/// `reactor` and `settings.secure` outlive the service.
using MakeService = rondo::Result<std::unique_ptr<Service>>(rondo::Reactor& reactor,
                                                            const rondo::Endpoint& local,
                                                            const Settings& settings);

MakeService make_handler_service;         // with registered handlers: the reactor pattern itself
MakeService make_secure_handler_service;  // the same with TLS, with handlers of streams
MakeService make_session_service;         // with sessions: what a rondo server usually looks like
MakeService make_coroutine_service;       // with coroutines: the same in straight-line code

}  // namespace echo
