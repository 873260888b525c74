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

/// Keeps so many datagrams under way from one socket, so that the server always finds several:
/// whatever has come back is followed by as many. They are too few to overflow a socket's buffer,
/// and loopback loses none: silence is an error. No latency is measured.
class Datagrams final : public Load {
 public:
  /// `server_pid` is the process whose CPU time is counted, 0 for none.
  Datagrams(const sockaddr_in& server, std::size_t size, int server_pid);
  ~Datagrams() override;

  /// How many are under way.
  std::size_t connect(std::size_t count) override;
  Measurement measure(std::uint64_t warm_up_ns, std::uint64_t duration_ns) override;
  Measurement exchange(std::uint64_t messages) override;

 private:
  void send_more();
  void receive_some();
  void check(std::size_t place, std::size_t size);

  int server_pid_;
  int fd_;
  Message message_;
  std::size_t room_;  // for one, with a byte to spare
  std::vector<std::byte> bytes_;
  std::vector<iovec> parts_;
  std::vector<mmsghdr> batch_;
  Measurement measurement_;
  std::uint64_t unsent_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t answered_ = 0;
};

}  // namespace load
