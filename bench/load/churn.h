// load: clients who come, say one thing, and leave.
#pragma once

#include <netinet/in.h>
#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "load.h"
#include "message.h"

namespace load {

/// Keeps so many connections under way: each connects, sends a message, waits until all of it has
/// come back, and resets, so that none lingers in TIME_WAIT; the next takes its place. The latency
/// is that of the whole connection.
class Churn final : public Load {
 public:
  /// `server_pid` is the process whose CPU time is counted, 0 for none.
  Churn(const sockaddr_in& server, std::size_t message_size, int server_pid);
  ~Churn() override;

  /// How many are under way at once. Nobody connects yet.
  std::size_t connect(std::size_t count) override;
  Measurement measure(std::uint64_t warm_up_ns, std::uint64_t duration_ns) override;
  Measurement exchange(std::uint64_t messages) override;

 private:
  struct Visit {
    int fd = -1;
    bool has_sent = false;
    std::size_t received = 0;
    std::uint64_t sequence = 0;
    std::uint64_t began_at_ns = 0;
  };

  void begin(Visit& visit);
  void send_message(Visit& visit);
  void receive(Visit& visit);
  void finish(Visit& visit);
  void watch(const Visit& visit, std::uint32_t events, int operation);
  void fill_places();
  void run_until(std::uint64_t deadline_ns);
  void turn(int wait_ms);

  sockaddr_in server_;
  int server_pid_;
  int poller_;
  std::vector<Visit> visits_;  // a place for each that may be under way
  std::vector<epoll_event> events_;
  Message message_;
  std::vector<std::byte> input_;
  Measurement measurement_;
  std::uint64_t unbegun_ = 0;
  std::size_t under_way_ = 0;
};

}  // namespace load
