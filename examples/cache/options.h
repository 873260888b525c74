// SPDX-License-Identifier: MIT
// cache: the command line. It is parsed in a file of its own, because CLI11 is slow to compile.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace cache {

struct Options {
  std::string backend;  ///< empty: the environment's RONDO_BACKEND, else the build's default
  std::string listen = "127.0.0.1:6379";
  std::size_t memory_max = 0;  ///< bytes; 0: unlimited
};

/// Fills `options`. Returns the exit code if the program is to end now: after --help, or after an
/// error in the command line.
std::optional<int> parse_options(int argc, char** argv, Options& options);

}  // namespace cache
