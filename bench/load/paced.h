// SPDX-License-Identifier: MIT
// paced: connections that send one request at a time, at the times of a schedule.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "histogram.h"
#include "replies.h"

namespace paced {

struct Options {
  std::string connect;
  Protocol protocol = Protocol::http;
  std::string request;
  std::size_t clients = 50;
  double rate = 0;  ///< requests a second; 0: a closed loop
  double seconds = 1;
  std::uint64_t requests = 0;  ///< instead of seconds, if it is not 0
  bool survives = false;       ///< a lost connection is counted, and opened again
};

struct Result {
  std::uint64_t requests = 0;  ///< that were answered
  std::uint64_t failed = 0;    ///< that were refused, or had no connection or no answer
  std::uint64_t duration_ns = 0;
  std::uint64_t longest_gap_ns = 0;  ///< between two answers
  load::Histogram latency_ns;        ///< since the time at which a request was due
  load::Histogram lateness_ns;       ///< this program's own: when it saw that a request was due
};

class Clients {
 public:
  Clients(const Options& options, const sockaddr_in& server);
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;
  ~Clients();

  /// Connects all, then sends what is due until the end, and waits for the last answers.
  Result run();

 private:
  struct Connection {
    int fd = -1;
    std::uint64_t due_at_ns = 0;  // when its request was due; 0: it has none
    std::string input;
  };

  bool open(Connection& connection);
  void lose(Connection& connection);
  void schedule(std::uint64_t now);
  void send_what_is_due(std::uint64_t now);
  void send_to(Connection& connection, std::uint64_t due_at_ns);
  void receive(Connection& connection);
  void count(Connection& connection, bool is_good);
  [[nodiscard]] bool is_over(std::uint64_t now) const noexcept;

  const Options& options_;
  const sockaddr_in server_;
  const std::uint64_t gap_ns_;
  int poller_;
  std::vector<Connection> connections_;
  std::deque<std::size_t> idle_;   // all take turns
  std::deque<std::uint64_t> due_;  // the times of requests that wait for a connection
  std::uint64_t scheduled_ = 0;
  std::uint64_t start_ns_ = 0;
  std::uint64_t end_ns_ = 0;
  std::uint64_t answered_at_ns_ = 0;
  std::size_t in_flight_ = 0;
  Result result_;
};

}  // namespace paced
