// load: clients who say a little now and then, perhaps beside one who never stops.
#pragma once

#include <netinet/in.h>
#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "load.h"
#include "message.h"

namespace load {

/// One client that sends as much as the server takes, and takes whatever comes back. A byte tells
/// where in the stream it stands, so that none is lost, doubled or changed unseen.
class Firehose {
 public:
  explicit Firehose(const sockaddr_in& server);
  Firehose(const Firehose&) = delete;
  Firehose& operator=(const Firehose&) = delete;
  ~Firehose();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  void pour();
  void catch_back();
  [[nodiscard]] std::uint64_t caught() const noexcept { return caught_; }
  [[nodiscard]] bool is_dry() const noexcept { return caught_ == poured_; }

 private:
  int fd_;
  std::vector<std::byte> pattern_;
  std::vector<std::byte> input_;
  std::uint64_t poured_ = 0;
  std::uint64_t caught_ = 0;
};

/// An open loop: each client sends a message every 100 ms, one after the other, unless its last one
/// has not come back yet, and the latency is that of the message.
class Pings final : public Load {
 public:
  /// `server_pid` is the process whose CPU time is counted, 0 for none.
  Pings(const sockaddr_in& server, std::size_t message_size, int server_pid, bool with_firehose);
  ~Pings() override;

  std::size_t connect(std::size_t count) override;
  Measurement measure(std::uint64_t warm_up_ns, std::uint64_t duration_ns) override;
  Measurement exchange(std::uint64_t messages) override;

 private:
  struct Client {
    int fd = -1;
    bool waits = false;  // for an answer
    std::size_t received = 0;
    std::uint64_t sequence = 0;
    std::uint64_t sent_at_ns = 0;
  };

  void watch(int fd, std::uint64_t number, std::uint32_t events, int operation);
  [[nodiscard]] std::uint64_t gap_ns() const noexcept;
  void ping_those_due();
  void ping(Client& client);
  void receive(Client& client);
  void turn(std::uint64_t wake_at_ns);
  void run_until(std::uint64_t deadline_ns);
  void drain();

  sockaddr_in server_;
  int server_pid_;
  int poller_;
  std::optional<Firehose> firehose_;
  bool pours_ = false;
  std::vector<Client> clients_;
  std::vector<epoll_event> events_;
  Message message_;
  std::vector<std::byte> input_;
  Measurement measurement_;
  std::size_t next_ = 0;  // client to ping
  std::uint64_t due_at_ns_ = 0;
  std::size_t in_flight_ = 0;
};

}  // namespace load
