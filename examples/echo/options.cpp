// SPDX-License-Identifier: MIT
#include "options.h"

#include <chrono>

#include <CLI/CLI.hpp>

namespace echo {
namespace {

constexpr double idle_timeout_seconds_max = 1e9;  // about thirty years, which fit into nanoseconds

}  // namespace

std::optional<int> parse_options(int argc, char** argv, Options& options) {
  std::optional<double> idle_timeout_seconds;
  CLI::App app{"A TCP server that sends back what it receives.", "echo"};
  app.add_option("--backend", options.backend, "the poller below (default: $RONDO_BACKEND, or uv)");
  app.add_option("--style", options.style, "how it is written: handler, session or coroutine")
      ->check(CLI::IsMember({"handler", "session", "coroutine"}))
      ->capture_default_str();
  app.add_option("--listen", options.listen, "HOST:PORT; with port 0 the system chooses")
      ->capture_default_str();
  app.add_option("--idle-timeout", idle_timeout_seconds,
                 "close a client that is silent for so many SECONDS")
      ->check(CLI::Range(0.0, idle_timeout_seconds_max));
  auto* const cert = app.add_option("--tls-cert", options.tls_cert,
                                    "speak TLS with the certificate, and its chain, in this FILE");
  cert->needs(app.add_option("--tls-key", options.tls_key, "the FILE of its key")->needs(cert));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  if (idle_timeout_seconds)
    options.idle_timeout = std::chrono::duration_cast<rondo::Duration>(
        std::chrono::duration<double>(*idle_timeout_seconds));
  return std::nullopt;
}

}  // namespace echo
