// SPDX-License-Identifier: MIT
// echo: the command line. It is parsed in a file of its own, because CLI11 is slow to compile.
#pragma once

#include <optional>
#include <string>

#include <rondo/time.h>

namespace echo {

struct Options {
  std::string backend;  ///< empty: the environment's RONDO_BACKEND, else the build's default
  std::string style = "handler";
  std::string listen = "127.0.0.1:8888";
  rondo::Duration idle_timeout = rondo::forever;
  std::string tls_cert;  ///< empty: without TLS
  std::string tls_key;
};

/// Fills `options`. Returns the exit code if the program is to end now: after --help, or after an
/// error in the command line.
std::optional<int> parse_options(int argc, char** argv, Options& options);

}  // namespace echo
