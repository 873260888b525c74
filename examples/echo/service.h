// echo: what main() knows of a style of writing the server.
#pragma once

#include <cstdint>
#include <memory>

#include <rondo/endpoint.h>
#include <rondo/reactor.h>
#include <rondo/result.h>
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

/// Clients that are silent for `idle_timeout` are closed. `reactor` outlives
/// the service.
using MakeService = rondo::Result<std::unique_ptr<Service>>(rondo::Reactor& reactor,
                                                            const rondo::Endpoint& local,
                                                            rondo::Duration idle_timeout);

MakeService make_handler_service;    // with registered handlers: the reactor pattern itself
MakeService make_session_service;    // with sessions: what a rondo server usually looks like
MakeService make_coroutine_service;  // with coroutines: the same in straight-line code

}  // namespace echo
