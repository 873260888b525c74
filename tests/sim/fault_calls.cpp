// SPDX-License-Identifier: MIT
// The visible effects of faults of calls, connections and packets.
#include <algorithm>
#include <numeric>

#include "fault_scene.h"

namespace rondo::sim {

using namespace std::chrono_literals;

// --- calls --------------------------------------------------------------------------------------

/// A call on a connection with 100 readable bytes returns this result under the fault, and the
/// usual result the next time.
static void read_says(FaultScene& scene, int result) {
  scene.connect();
  EXPECT_EQ(scene.write(scene.client, scene.here), 100);
  scene.wait();
  scene.strike();
  EXPECT_EQ(scene.read(scene.server, scene.there), result);
}

static void write_says(FaultScene& scene, int result) {
  scene.connect();
  scene.strike();
  EXPECT_EQ(scene.write(scene.client, scene.here), result);
}

static void socket_says(FaultScene& scene, int result) {
  scene.strike();
  EXPECT_EQ(scene.client.socket(AddressFamily::ipv4, SocketType::stream), result);
}

void short_read(FaultScene& scene) {
  scene.connect();
  EXPECT_EQ(scene.write(scene.client, scene.here), 100);
  scene.wait();
  scene.strike();
  const int first = scene.read(scene.server, scene.there);
  EXPECT_GT(first, 0);
  EXPECT_LT(first, 100);
  scene.world.faults().clear();
  EXPECT_EQ(scene.read(scene.server, scene.there), 100 - first) << "the rest is still readable";
}

void short_write(FaultScene& scene) {
  scene.connect();
  scene.strike();
  const int taken = scene.write(scene.client, scene.here);
  EXPECT_GT(taken, 0);
  EXPECT_LT(taken, 100);
  scene.wait();
  scene.world.faults().clear();
  EXPECT_EQ(scene.read(scene.server, scene.there), taken);
}

void not_now(FaultScene& scene) {
  read_says(scene, -EAGAIN);
  EXPECT_EQ(scene.write(scene.client, scene.here), -EAGAIN);
  scene.world.faults().clear();
  EXPECT_EQ(scene.read(scene.server, scene.there), 100) << "no data is lost";
}

void broken(FaultScene& scene) {
  read_says(scene, -ECONNRESET);
  scene.wait();
  EXPECT_EQ(scene.read(scene.client, scene.here), -ECONNRESET) << "the peer as well";
}

void broken_pipe(FaultScene& scene) {
  write_says(scene, -EPIPE);
  scene.wait();
  EXPECT_EQ(scene.read(scene.server, scene.there), -ECONNRESET) << "the peer";
}

void no_buffers(FaultScene& scene) { write_says(scene, -ENOBUFS); }
void no_memory(FaultScene& scene) {
  read_says(scene, -ENOMEM);
  socket_says(scene, -ENOMEM);
}
void no_descriptor(FaultScene& scene) { socket_says(scene, -EMFILE); }
void no_file(FaultScene& scene) { socket_says(scene, -ENFILE); }

// --- connecting ---------------------------------------------------------------------------------

void accept_aborted(FaultScene& scene) {
  const int fd = scene.knock();
  scene.wait();
  scene.strike();
  EXPECT_EQ(scene.server.accept(scene.listener, nullptr), -ECONNABORTED);
  EXPECT_EQ(scene.server.accept(scene.listener, nullptr), -EAGAIN) << "that client has gone";
  scene.wait();
  EXPECT_EQ(scene.read(scene.client, fd), -ECONNRESET);
}

void refused(FaultScene& scene) {
  scene.strike();
  const int fd = scene.knock();
  scene.wait();
  EXPECT_EQ(scene.client.take_error(fd), ECONNREFUSED);
}

void unanswered(FaultScene& scene) {
  scene.strike();
  const int fd = scene.knock();
  scene.wait(126s);
  EXPECT_EQ(scene.read(scene.client, fd), -EAGAIN);
  scene.wait(2s);
  EXPECT_EQ(scene.client.take_error(fd), ETIMEDOUT);
}

void unreachable(FaultScene& scene) {
  const int fd = scene.client.socket(AddressFamily::ipv4, SocketType::stream);
  scene.strike();
  EXPECT_EQ(scene.client.connect(fd, Endpoint::parse("10.0.0.1:7000").value()), -EHOSTUNREACH);
}

void slow_handshake(FaultScene& scene) {
  scene.strike();
  const int fd = scene.knock();
  scene.wait(2900ms);
  Endpoint peer = Endpoint::any(0);
  EXPECT_EQ(scene.client.remote_endpoint(fd, peer), -ENOTCONN);
  scene.wait(200ms);
  EXPECT_EQ(scene.client.remote_endpoint(fd, peer), 0);
}

// --- packets ------------------------------------------------------------------------------------

void reset_for_end(FaultScene& scene) {
  scene.connect();
  scene.strike();
  EXPECT_EQ(scene.client.shutdown(scene.here, Direction::write), 0);
  scene.wait();
  EXPECT_EQ(scene.read(scene.server, scene.there), -ECONNRESET) << "not 0";
}

// The last bytes wait up to 40 ms for more data, and then leave alone.
void end_with_data(FaultScene& scene) {
  scene.connect();
  std::vector<std::string> ends;
  scene.world.on_trace([&](std::string_view line) {
    if (line.find("got FIN") != std::string_view::npos) ends.emplace_back(line);
  });
  scene.strike();
  EXPECT_EQ(scene.write(scene.client, scene.here), 100);
  scene.wait(40ms);
  EXPECT_EQ(scene.read(scene.server, scene.there), -EAGAIN);
  scene.wait(1ms);
  EXPECT_EQ(scene.read(scene.server, scene.there), 100);
  EXPECT_EQ(scene.write(scene.client, scene.here), 100);
  EXPECT_EQ(scene.client.shutdown(scene.here, Direction::write), 0);
  EXPECT_EQ(scene.read_soon(scene.server, scene.there), 100);
  EXPECT_EQ(scene.read(scene.server, scene.there), 0) << "at the same time";
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_NE(ends[0].find("got FIN 100 "), std::string::npos) << ends[0];
}

void split_packet(FaultScene& scene) {
  scene.connect();
  scene.strike();
  EXPECT_EQ(scene.write(scene.client, scene.here), 100);
  const int first = scene.read_soon(scene.server, scene.there);
  EXPECT_GT(first, 0);
  EXPECT_LT(first, 100);
  EXPECT_GT(scene.read_soon(scene.server, scene.there), 0);
}

void slow_packet(FaultScene& scene) {
  scene.connect();
  scene.strike();
  EXPECT_EQ(scene.write(scene.client, scene.here), 100);
  scene.wait(99ms);
  EXPECT_EQ(scene.read(scene.server, scene.there), -EAGAIN);
  scene.wait(1ms);
  EXPECT_EQ(scene.read(scene.server, scene.there), 100);
}

void lost_datagram(FaultScene& scene) {
  scene.strike();
  EXPECT_EQ(scene.send_datagrams(10).size(), 0u);
}

void doubled_datagram(FaultScene& scene) {
  scene.strike();
  EXPECT_EQ(scene.send_datagrams(2).size(), 4u);
}

void late_datagram(FaultScene& scene) {
  scene.strike();
  std::vector<int> arrived = scene.send_datagrams(10);
  EXPECT_FALSE(std::is_sorted(arrived.begin(), arrived.end()));
  std::sort(arrived.begin(), arrived.end());
  std::vector<int> all(10);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(arrived, all);
}

}  // namespace rondo::sim
