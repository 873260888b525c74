// load: the clients, and the loop on epoll that drives them.
#pragma once

#include <netinet/in.h>
#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "load.h"
#include "message.h"
#include "progress.h"

namespace load {

/// A closed loop: each client sends a message, waits until all of it has come back, and sends the
/// next. What comes back is compared, byte for byte, with what was sent.
class Clients final : public Load {
 public:
  /// `server_pid` is the process whose CPU time is counted, 0 for none.
  Clients(const sockaddr_in& server, std::size_t message_size, int server_pid, Progress& progress);
  /// Resets the connections, so that none of them lingers in TIME_WAIT.
  ~Clients() override;

  /// Adds `count` clients, a bounded number at a time; each exchanges one message, so that the
  /// server is known to have accepted it. Stops early where the system has no descriptors, ports or
  /// memory left. Returns how many there are.
  std::size_t connect(std::size_t count) override;
  Measurement measure(std::uint64_t warm_up_ns, std::uint64_t duration_ns) override;
  Measurement exchange(std::uint64_t messages) override;
  [[nodiscard]] int exhaustion() const noexcept override { return exhaustion_; }
  [[nodiscard]] std::size_t lost() const noexcept override { return lost_; }

 private:
  struct Client {
    int fd = -1;
    bool connecting = true;
    std::uint32_t sent = 0;
    std::uint32_t received = 0;
    std::uint64_t sequence = 0;
    std::uint64_t sent_at_ns = 0;
  };
  static constexpr std::uint64_t without_limit = std::numeric_limits<std::uint64_t>::max();

  bool start_connecting();
  void finish_connecting(Client& client);
  void set_interest(const Client& client, std::uint32_t events, int operation);
  void make_message(const Client& client) noexcept;
  void send_message(Client& client, std::uint64_t now);
  void continue_sending(Client& client);
  void receive(Client& client);
  void check(const Client& client, std::size_t size);
  void finish_message(Client& client);
  void lose(Client& client);

  void turn(int wait_ms);
  void send_to_all();
  void run_until(std::uint64_t deadline_ns);
  void drain();

  sockaddr_in server_;
  int server_pid_;
  Progress& progress_;
  int poller_;
  std::vector<Client> clients_;
  std::vector<epoll_event> events_;
  Message message_;
  std::vector<std::byte> input_;
  Measurement measurement_;
  std::uint64_t unsent_ = 0;    // messages that may still be sent
  std::size_t in_flight_ = 0;   // messages that are on their way
  std::size_t connecting_ = 0;  // clients that wait for their first answer
  std::size_t lost_ = 0;
  int exhaustion_ = 0;
};

}  // namespace load
