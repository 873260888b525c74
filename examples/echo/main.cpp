// SPDX-License-Identifier: MIT
// echo: sends back what its clients send, until SIGINT or SIGTERM. Each style is one way of writing
// the same server.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <rondo/stop_on_signals.h>

#include "options.h"
#include "secure.h"
#include "service.h"

namespace {

echo::MakeService& make_of(const std::string& style) {
  if (style == "session") return echo::make_session_service;
  if (style == "coroutine") return echo::make_coroutine_service;
  return echo::make_handler_service;
}

int serve(rondo::Reactor& reactor, const echo::Options& options) {
  const auto endpoint = rondo::Endpoint::parse(options.listen);
  if (!endpoint) return rondo::print_error(endpoint.error());
  secure::Layers layers;
  if (!options.tls_cert.empty()) {
    auto made = secure::server(options.tls_cert, options.tls_key);
    if (!made) return rondo::print_error(made.error());
    layers = std::move(*made);
  }
  const auto service =
      make_of(options.style)(reactor, *endpoint, {options.idle_timeout, layers.get()});
  if (!service) return rondo::print_error(service.error());
  const rondo::StopOnSignals stop{reactor};

  std::printf("listening on %s\n", (*service)->local.to_string().c_str());
  std::fflush(stdout);
  if (const auto ran = reactor.run(); !ran) return rondo::print_error(ran.error());

  const echo::Totals& totals = (*service)->totals;
  std::printf("served %" PRIu64 " clients, %" PRIu64 " bytes\n", totals.clients, totals.bytes);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  echo::Options options;
  if (const auto exit_code = echo::parse_options(argc, argv, options)) return *exit_code;
  auto reactor = rondo::Reactor::make({.backend = options.backend});
  if (!reactor) return rondo::print_error(reactor.error());
  return serve(**reactor, options);
}
