// SPDX-License-Identifier: MIT
// load: the command line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace load {

enum class Kind : std::uint8_t {
  exchange,   ///< a closed loop: each client has a message in flight
  churn,      ///< each connects, exchanges one message, and leaves
  pings,      ///< each sends one every 100 ms
  datagrams,  ///< UDP
};

struct Options {
  std::string connect;
  Kind kind = Kind::exchange;
  bool firehose = false;  ///< beside the pings, one client streams as much as the server takes
  std::size_t clients = 50;
  std::size_t size = 64;
  double seconds = 5;
  double warm_up_seconds = 0.5;
  std::uint64_t messages = 0;  ///< instead of seconds, and without a warm-up; 0: by time
  bool idle = false;
  bool progress = false;
  bool tls = false;
  std::string group = "X25519";  ///< for the key exchange with TLS
  bool resumes = false;          ///< with TLS, sessions that the server has given
  double rate = 0;               ///< in a churn: connections a second; 0: one follows the other
  int server_pid = 0;            ///< the process whose CPU time is counted; 0: none
};

/// Fills `options`. Returns the exit code if the program is to end now.
std::optional<int> parse_options(int argc, char** argv, Options& options);

}  // namespace load
