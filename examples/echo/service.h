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
  std::uint64_t clients = 0;  ///< served, those who have left included
  std::uint64_t bytes = 0;    ///< sent back
};

/// A listening server. Destroying it drops its clients.
class Service {
 public:
  virtual ~Service() = default;
  [[nodiscard]] virtual const rondo::Endpoint& local_endpoint() const noexcept = 0;
  [[nodiscard]] virtual Totals totals() const noexcept = 0;
};

/// Clients that are silent for `idle_timeout` are closed, unless it is zero. `reactor` outlives
/// the service.
using MakeService = rondo::Result<std::unique_ptr<Service>>(rondo::Reactor& reactor,
                                                            const rondo::Endpoint& local,
                                                            rondo::Duration idle_timeout);

}  // namespace echo
