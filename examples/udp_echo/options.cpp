// SPDX-License-Identifier: MIT
#include "options.h"

#include <CLI/CLI.hpp>

namespace udp_echo {

std::optional<int> parse_options(int argc, char** argv, Options& options) {
  CLI::App app{"A UDP server that sends back what it receives.", "udp_echo"};
  app.add_option("--backend", options.backend, "the poller below (default: $RONDO_BACKEND, or uv)");
  app.add_option("--listen", options.listen, "HOST:PORT, or unix:PATH; port 0 takes any")
      ->capture_default_str();
  app.add_flag("--offload", options.offload, "let the kernel join alike datagrams (GSO, GRO)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return std::nullopt;
}

}  // namespace udp_echo
