// SPDX-License-Identifier: MIT
// Two hosts and the Net calls of their processes, for tests of one fault at a time.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/rondo.h>
#include <rondo/sim.h>

namespace rondo::sim {

class FaultScene {
 public:
  explicit FaultScene(Fault the_fault) : fault(the_fault) {}

  const Fault fault;
  World world{1};
  Host& a = world.host("10.0.0.1");
  Host& b = world.host("10.0.0.2");
  Net& server = a.net();
  Net& client = b.net();

  /// From now on the fault strikes with this probability.
  void strike(double probability = 1) { world.faults().set(fault, probability); }
  void wait(Duration duration = std::chrono::seconds{1}) { world.run_for(duration); }

  /// Sets `listener`, and returns a client that has started to connect to it.
  int knock() {
    listener = server.socket(AddressFamily::ipv4, SocketType::stream);
    EXPECT_EQ(server.bind(listener, Endpoint::parse("10.0.0.1:7000").value()), 0);
    EXPECT_EQ(server.listen(listener, 10), 0);
    const int fd = client.socket(AddressFamily::ipv4, SocketType::stream);
    EXPECT_EQ(client.connect(fd, Endpoint::parse("10.0.0.1:7000").value()), -EINPROGRESS);
    return fd;
  }
  /// Makes a connection: `there` on host a, `here` on host b.
  void connect() {
    here = knock();
    wait();
    there = server.accept(listener, nullptr);
    ASSERT_GE(there, 0);
  }

  /// The result of the call: the number of bytes, or the negative errno.
  [[nodiscard]] int read(Net& net, int fd, std::size_t size = 100) const {
    std::vector<std::byte> room(size);
    const std::ptrdiff_t count = net.read(room, fd);
    return count < 0 ? -errno : static_cast<int>(count);
  }
  [[nodiscard]] int write(Net& net, int fd, std::size_t size = 100) const {
    const std::vector<std::byte> data(size);
    const std::ptrdiff_t count = net.write(data, fd);
    return count < 0 ? -errno : static_cast<int>(count);
  }
  /// Runs until the call returns something other than EAGAIN.
  [[nodiscard]] int read_soon(Net& net, int fd) {
    int result = -EAGAIN;
    // The result shows whether it was in time.
    (void)world.run_until([&] { return (result = read(net, fd)) != -EAGAIN; },
                          std::chrono::hours{1});
    return result;
  }

  /// Sends the numbers 0 to count - 1 as datagrams. Returns the received ones in order.
  std::vector<int> send_datagrams(int count);

  int listener = -1;
  int here = -1;
  int there = -1;
};

inline std::vector<int> FaultScene::send_datagrams(int count) {
  const Endpoint to = Endpoint::parse("10.0.0.1:53").value();
  const int receiver = server.socket(AddressFamily::ipv4, SocketType::datagram);
  const int sender = client.socket(AddressFamily::ipv4, SocketType::datagram);
  EXPECT_EQ(server.bind(receiver, to), 0);
  EXPECT_EQ(client.connect(sender, to), 0);
  for (int i = 0; i < count; ++i) {
    const std::array number{static_cast<std::byte>(i)};
    EXPECT_EQ(client.write(number, sender), 1);
  }
  wait();
  std::vector<int> arrived;
  std::array<std::byte, 1> number{};
  while (server.read(number, receiver) == 1) arrived.push_back(static_cast<int>(number[0]));
  return arrived;
}

// The visible effect of each fault, in fault_calls.cpp and fault_times.cpp.

void short_read(FaultScene& scene);
void short_write(FaultScene& scene);
void not_now(FaultScene& scene);
void broken(FaultScene& scene);
void broken_pipe(FaultScene& scene);
void no_buffers(FaultScene& scene);
void no_memory(FaultScene& scene);
void no_descriptor(FaultScene& scene);
void no_file(FaultScene& scene);
void accept_aborted(FaultScene& scene);
void refused(FaultScene& scene);
void unanswered(FaultScene& scene);
void unreachable(FaultScene& scene);
void slow_handshake(FaultScene& scene);
void reset_for_end(FaultScene& scene);
void end_with_data(FaultScene& scene);
void split_packet(FaultScene& scene);
void slow_packet(FaultScene& scene);
void lost_datagram(FaultScene& scene);
void doubled_datagram(FaultScene& scene);
void late_datagram(FaultScene& scene);
void spurious_ready(FaultScene& scene);
void late_ready(FaultScene& scene);
void doubled_ready(FaultScene& scene);
void stale_event(FaultScene& scene);
void shuffled_batch(FaultScene& scene);
void cut_batch(FaultScene& scene);
void spurious_wake(FaultScene& scene);
void late_wake(FaultScene& scene);
void late_timer(FaultScene& scene);
void clock_jump(FaultScene& scene);
void slow_name(FaultScene& scene);
void failing_name(FaultScene& scene);
void missing_name(FaultScene& scene);
void silent_name(FaultScene& scene);

}  // namespace rondo::sim
