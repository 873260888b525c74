// udp_echo: what the command line asks for. Parsed in a file of its own, for CLI11 takes its time
// to compile.
#pragma once

#include <optional>
#include <string>

namespace udp_echo {

struct Options {
  std::string backend;  ///< empty: the environment's RONDO_BACKEND, else the build's default
  std::string listen = "127.0.0.1:8888";
  bool offload = false;  ///< segmentation and receive offload
};

/// Fills `options`. Returns the exit code where there is nothing more to do: after --help, or after
/// a complaint about the command line.
std::optional<int> parse_options(int argc, char** argv, Options& options);

}  // namespace udp_echo
