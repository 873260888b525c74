// SPDX-License-Identifier: MIT
// udp_echo: the options of the command line. They are parsed in a file of their own, because CLI11
// takes long to compile.
#pragma once

#include <optional>
#include <string>

namespace udp_echo {

struct Options {
  std::string backend;  ///< empty: RONDO_BACKEND, or the default of the build
  std::string listen = "127.0.0.1:8888";
  bool offload = false;  ///< segmentation and receive offload
};

/// Fills `options`. Returns the exit code if the program has to end: after --help, or if the
/// command line is wrong.
std::optional<int> parse_options(int argc, char** argv, Options& options);

}  // namespace udp_echo
