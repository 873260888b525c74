// SPDX-License-Identifier: MIT
// load: clients that send a little now and then, perhaps beside one that streams.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "connections.h"

namespace load {

/// One client that sends as much as the server takes, and reads all that comes back. Each byte
/// depends on its position in the stream, so none is lost, duplicated or changed unnoticed.
class Firehose {
 public:
  explicit Firehose(const sockaddr_in& server);
  Firehose(const Firehose&) = delete;
  Firehose& operator=(const Firehose&) = delete;
  ~Firehose();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  void send_some();
  /// Returns how many bytes came back.
  std::size_t receive_some();
  /// Whether all that was sent has come back.
  [[nodiscard]] bool is_dry() const noexcept { return received_ == sent_; }

 private:
  int fd_;
  std::vector<std::byte> pattern_;
  std::vector<std::byte> input_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

/// An open loop: each client sends a message every 100 ms, one after the other, unless its last one
/// has not come back yet. The latency is that of the message.
class Pings final : public Connections {
 public:
  Pings(const Target& server, std::size_t message_size, int server_pid, Progress& progress,
        bool with_firehose);

  std::size_t connect(std::size_t count) override;
  /// Runs for as long as so many pings take.
  Measurement exchange(std::uint64_t messages) override { return measure(0, messages * gap_ns()); }

 private:
  void begin() override;
  void turn(std::uint64_t until_ns) override;
  [[nodiscard]] bool is_busy() const noexcept override;
  void finish(Measurement& result) override;
  void on_reply(Connection&, std::uint64_t) override {}
  void on_other(std::uint32_t events) override;
  [[nodiscard]] std::uint64_t gap_ns() const noexcept;
  void ping_those_due();

  std::optional<Firehose> firehose_;
  std::size_t next_ = 0;  // client to ping
  std::uint64_t due_at_ns_ = 0;
};

}  // namespace load
