// SPDX-License-Identifier: MIT
// load: the closed loops: connections that stay, and connections that end after each message.
#pragma once

#include <cstddef>

#include "connections.h"

namespace load {

/// Each client sends a message, waits until all of it has come back, and sends the next.
class Exchange final : public Connections {
 public:
  using Connections::Connections;

  /// Adds `count` clients, a bounded number at a time. Each exchanges one message, so that the
  /// server is known to have accepted it. Stops early if the system has no descriptors, ports or
  /// memory left.
  std::size_t connect(std::size_t count) override;
  [[nodiscard]] int exhaustion() const noexcept override { return exhaustion_; }
  [[nodiscard]] std::size_t lost() const noexcept override { return lost_; }

 private:
  void begin() override;
  void on_reply(Connection& connection, std::uint64_t now) override;
  void on_end(Connection& connection, int error) override;
  bool open_one();

  std::size_t connecting_ = 0;  // clients that wait for their first reply
  std::size_t lost_ = 0;
  int exhaustion_ = 0;
};

/// Keeps so many connections in progress: each connects, exchanges one message, and resets; the
/// next takes its slot. The latency is that of the whole connection.
class Churn final : public Connections {
 public:
  /// With a `rate`, so many a second are begun, as far as there are connections that are not in
  /// progress; 0: one follows the other.
  Churn(const Target& server, std::size_t message_size, int server_pid, Progress& progress,
        double rate) noexcept;

  /// How many are in progress at once. None is opened yet.
  std::size_t connect(std::size_t count) override;

 private:
  void begin() override;
  void turn(std::uint64_t until_ns) override;
  [[nodiscard]] bool is_busy() const noexcept override;
  void on_reply(Connection& connection, std::uint64_t now) override;
  void open_those_due();

  const std::uint64_t gap_ns_;  // 0: no rate
  std::uint64_t due_at_ns_ = 0;
  std::size_t next_ = 0;  // the slot to use
};

}  // namespace load
