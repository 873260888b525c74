// echo: sends back whatever its clients send, until SIGINT or SIGTERM. Each style is one way of
// writing the same server.
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <rondo/signal.h>

#include "handler_echo.h"
#include "options.h"
#include "session_echo.h"

namespace {

struct Style {
  std::string_view name;
  echo::MakeService* make;
};
constexpr Style styles[] = {
    {"handler", echo::make_handler_service},
    {"session", echo::make_session_service},
};

const Style* find_style(std::string_view name) {
  for (const Style& style : styles)
    if (style.name == name) return &style;
  return nullptr;
}

int complain_of_style(const std::string& name) {
  std::fprintf(stderr, "no such style: %s (there is:", name.c_str());
  for (const Style& style : styles) std::fprintf(stderr, " %s", style.name.data());
  std::fputs(")\n", stderr);
  return EXIT_FAILURE;
}

int serve(rondo::Reactor& reactor, const Style& style, const rondo::Endpoint& endpoint,
          rondo::Duration idle_timeout) {
  const auto service = style.make(reactor, endpoint, idle_timeout);
  if (!service) return rondo::print_error(service.error());
  const rondo::Signal interrupt{reactor, SIGINT, [&reactor] { reactor.stop(); }};
  const rondo::Signal terminate{reactor, SIGTERM, [&reactor] { reactor.stop(); }};

  std::printf("listening on %s\n", (*service)->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  if (const auto ran = reactor.run(); !ran) return rondo::print_error(ran.error());

  const echo::Totals totals = (*service)->totals();
  std::printf("served %" PRIu64 " clients, %" PRIu64 " bytes\n", totals.clients, totals.bytes);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  echo::Options options;
  if (const auto exit_code = echo::parse_options(argc, argv, options)) return *exit_code;

  const Style* style = find_style(options.style);
  if (style == nullptr) return complain_of_style(options.style);
  const auto endpoint = rondo::Endpoint::parse(options.listen);
  if (!endpoint) return rondo::print_error(endpoint.error());
  auto reactor = rondo::Reactor::make({.backend = options.backend});
  if (!reactor) return rondo::print_error(reactor.error());
  return serve(**reactor, *style, *endpoint, options.idle_timeout);
}
