// SPDX-License-Identifier: MIT
// One coroutine for each client, on the same streams as sessions.
#include "service.h"

#include <rondo/connection.h>

namespace echo {
namespace {

rondo::Task<> serve_client(rondo::Connection& client, Totals& totals) {
  ++totals.clients;
  while (const auto data = co_await client.try_read()) {
    totals.bytes += data.size();
    client.write(data);
  }
}

struct CoroutineService final : Service {
  CoroutineService(rondo::Reactor& reactor, const rondo::ServerOptions& options)
      : server(rondo::Server::make(reactor, rondo::session_factory([this](auto& client) {
                                     return serve_client(client, totals);
                                   }),
                                   options)) {}
  rondo::Server server;
};

}  // namespace

rondo::Result<std::unique_ptr<Service>> make_coroutine_service(rondo::Reactor& reactor,
                                                               const rondo::Endpoint& local,
                                                               const Settings& settings) {
  const rondo::ServerOptions options{
      .stream = {.idle_timeout = settings.idle_timeout},
      .secure = settings.secure,
      // It is measured with as many clients as there are descriptors.
      .connections_max = rondo::unlimited,
  };
  auto service = std::make_unique<CoroutineService>(reactor, options);
  auto listening = service->server.listen(local);
  if (!listening) return std::move(listening).error();
  service->local = *listening;
  return std::unique_ptr<Service>{std::move(service)};
}

}  // namespace echo
