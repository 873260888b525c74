// SPDX-License-Identifier: MIT
// Clients that connect and never send anything.
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <rondo/server.h>
#include <rondo/socket.h>

#include "support/allocation_counter.h"
#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class SilentClients : public StreamsOnEveryBackend {
 protected:
  static constexpr std::size_t many = 5'000;

  Fd connect() {
    return Fd{Socket::connect(kernel().net(), server.local_endpoint()).value().release()};
  }
  /// In batches that the listen queue holds.
  void connect_many() {
    constexpr std::size_t batch = 500;
    silent.reserve(many);
    while (silent.size() < many) {
      for (std::size_t i = 0; i < batch; ++i) silent.push_back(connect());
      ASSERT_TRUE(has(silent.size() + 1));
    }
  }
  bool has(std::size_t connections) {
    return runs_until([&] { return server.connections() == connections; });
  }
  bool is_served(const Fd& client) {
    write_all(client.get(), "ping");
    return read_by_peer(client, 4) == "ping";
  }

  Server server = serve(reactor, "unix:@rondo-silent-" + std::to_string(::getpid()),
                        [](Stream& client, Bytes data) { client.write(data); },
                        {.stream = {.idle_timeout = 1h}})
                      .value();
  std::vector<Fd> silent;
};
RONDO_ON_EVERY_BACKEND(SilentClients);

TEST_P(SilentClients, FiveThousandCostLittleAndEndAtTheirDeadline) {
  if (!allow_descriptors(2 * many + 100)) GTEST_SKIP() << "too few descriptors are allowed";
  const Fd speaker = connect();
  ASSERT_TRUE(is_served(speaker));
  const std::uint64_t before = allocations();
  connect_many();
  // A block for each, what the backend keeps, and tables that double.
  if (kernel().lacks(Need::no_memory).empty()) {
    EXPECT_LE(allocations() - before, 4 * many);
  }
  const std::uint64_t at_rest = allocations();
  run_on();
  EXPECT_EQ(allocations(), at_rest);

  spy.ahead = 40min;
  EXPECT_TRUE(is_served(speaker));
  EXPECT_TRUE(has(many + 1)) << "none is early";
  spy.ahead = 61min;
  EXPECT_TRUE(has(1));
  for (const Fd& one : silent) ASSERT_EQ(read_result(one.get()), 0) << "sees the end";
  EXPECT_TRUE(is_served(speaker));
}

}  // namespace
}  // namespace rondo::test
