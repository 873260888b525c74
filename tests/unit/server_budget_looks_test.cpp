// SPDX-License-Identifier: MIT
// A server that is above its budget does not look at all of its streams for each write.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <rondo/server.h>

#include "stream/stream_context.h"
#include "support/descriptor_census.h"
#include "support/descriptors.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using detail::StreamContext;

class ServerBudgetLooks : public DescriptorCensus {
 protected:
  // What libuv opens once in a process is opened before the census.
  static void SetUpTestSuite() {
    for (const BuiltBackend& built : built_backends()) EXPECT_TRUE(built.make());
  }
  // Spared clients that have queued more than the budget.
  static constexpr std::size_t spared = 20;
  static constexpr std::size_t high_water = 60'000;
  static constexpr std::size_t budget = std::size_t{1} << 20U;

  struct Kept final : Session {
    explicit Kept(std::vector<Stream*>& all) : all_(all) {}
    void on_open(Stream& client) override {
      fill_until_full(client.fd());
      all_.push_back(&client);
    }
    void on_data(Stream&, Bytes) override {}
    void on_close(Stream& client, const Close&) override { std::erase(all_, &client); }
    std::vector<Stream*>& all_;
  };

  void serve_clients(std::size_t count) {
    ServerOptions options;
    options.stream.write_high_water = high_water;
    options.write_buffers_max = budget;
    const std::string name = "unix:@rondo-budget-looks-" + std::to_string(::getpid());
    server.emplace(serve(reactor, name, session_factory<Kept>(clients), options).value());
    for (; count > 0; --count)
      peers.push_back(Socket::connect(system_net(), server->local_endpoint()).value());
    ASSERT_TRUE(run_until(reactor, [&] { return clients.size() == peers.size(); }));
  }
  [[nodiscard]] std::uint64_t looks() { return StreamContext::of(reactor).budget_looks(); }

  Reactor reactor;
  std::vector<Stream*> clients;
  std::vector<Socket> peers;
  std::optional<Server> server;
};

TEST_F(ServerBudgetLooks, AreFewIfNoneCanBeEnded) {
  serve_clients(spared + 1);
  for (std::size_t i = 0; i < spared; ++i) clients[i]->write(std::string(high_water, 'x'));
  const std::string answer(1000, 'x');
  for (int i = 0; i < 2000; ++i) clients[spared]->write(answer);
  EXPECT_GE(looks(), 1u);
  EXPECT_LE(looks(), 2'000'000 / (budget / 16) + 2);
  EXPECT_EQ(clients.size(), spared + 1);
}

TEST_F(ServerBudgetLooks, AreTakenInTheNextTurnAndForASixteenthMore) {
  serve_clients(spared + 2);
  for (std::size_t i = 0; i < spared; ++i) clients[i]->write(std::string(high_water, 'x'));
  clients[spared]->write(std::string(2 * budget, 'x'));
  std::uint64_t expected = 1;
  EXPECT_EQ(looks(), expected) << "in vain: the largest does not count";
  Stream& second = *clients[spared + 1];
  second.write(std::string(high_water, 'x'));
  second.write("x");
  EXPECT_EQ(looks(), expected);
  run_turns(reactor, 1);
  second.write("x");
  EXPECT_EQ(looks(), ++expected);
  run_turns(reactor, 1);
  EXPECT_EQ(clients.size(), spared + 1) << "the one that costs the most has ended";
  clients.back()->write(std::string(high_water, 'x'));
  const std::uint64_t before = looks();
  clients.back()->write(std::string(budget / 16 + 1000, 'x'));
  EXPECT_LE(looks(), before + 1);
}

TEST_F(ServerBudgetLooks, DoNotKeepTheLoopAwake) {
  serve_clients(spared + 1);
  for (std::size_t i = 0; i < spared; ++i) clients[i]->write(std::string(high_water, 'x'));
  clients[spared]->write(std::string(2 * high_water, 'x'));
  EXPECT_EQ(looks(), 1u);
  StreamContext& context = StreamContext::of(reactor);
  run_turns(reactor, 2);
  EXPECT_FALSE(context.pending());
}

TEST_F(ServerBudgetLooks, AreNotNeededWhileOnlyTheLargestIsAboveTheBudget) {
  serve_clients(2);
  clients[0]->write(std::string(2 * budget, 'x'));
  clients[1]->write(std::string(high_water, 'x'));
  clients[0]->write(std::string(budget, 'x'));
  EXPECT_EQ(looks(), 0u);
}

}  // namespace
}  // namespace rondo::test
