// SPDX-License-Identifier: MIT
#include "options.h"

#include <CLI/CLI.hpp>

namespace cache {

std::optional<int> parse_options(int argc, char** argv, Options& options) {
  CLI::App app{"A store of keys and values in memory, for clients of Redis.", "cache"};
  app.add_option("--backend", options.backend, "the poller below (default: $RONDO_BACKEND, or uv)");
  app.add_option("--listen", options.listen, "HOST:PORT, or unix:PATH; port 0 takes any")
      ->capture_default_str();
  app.add_option("--maxmemory", options.memory_max,
                 "evict keys that are seldom used above so many bytes, such as 100mb; 0: unlimited")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return std::nullopt;
}

}  // namespace cache
