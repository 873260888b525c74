// SPDX-License-Identifier: MIT
// load: datagrams, as many as a server can take at once.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "load.h"
#include "message.h"

namespace load {

/// Keeps so many datagrams in flight from one socket, so that the server always finds several. They
/// are too few to overflow a socket's buffer, and loopback loses none, so silence is an error. No
/// latency is measured.
class Datagrams final : public Load {
 public:
  Datagrams(const sockaddr_in& server, std::size_t size, int server_pid, Progress& progress);
  ~Datagrams() override;

  /// How many are in flight.
  std::size_t connect(std::size_t count) override;

 private:
  void begin() override { send_more(); }
  void turn(std::uint64_t until_ns) override;
  [[nodiscard]] bool is_busy() const noexcept override { return answered_ < sequence_; }
  void send_more();
  void check(std::size_t index, std::size_t size);

  int fd_;
  Message message_;
  std::size_t room_;  // for one datagram, with a byte to spare
  std::vector<std::byte> bytes_;
  std::vector<iovec> parts_;
  std::vector<mmsghdr> batch_;
  std::uint64_t sequence_ = 0;
  std::uint64_t answered_ = 0;
};

}  // namespace load
