// SPDX-License-Identifier: MIT
// What all clients of a server together may have queued: one large answer is no reason to end a
// client, and clients that take nothing end before those that do.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <rondo/timer.h>

#include "support/server_fixture.h"
#include "support/temporary_file.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t mib = std::size_t{1} << 20U;

struct Clients {
  std::vector<Stream*> open;     // in the order in which they were accepted
  std::vector<Stream*> ended;    // in the order of their ends
  std::vector<std::string> why;  // why each of them ended
};

/// Does nothing itself: the test writes.
struct Sink final : Session {
  explicit Sink(Clients& clients) : clients_(clients) {}
  void on_open(Stream& client) override { clients_.open.push_back(&client); }
  void on_data(Stream&, Bytes) override {}
  void on_close(Stream& client, const Close& why) override {
    clients_.ended.push_back(&client);
    clients_.why.push_back(why.message());
  }
  Clients& clients_;
};

class ServerBudget : public ServersOnEveryBackend {
 protected:
  /// On a Unix socket: once a TCP socket was full, the system may still find room in it.
  void serve_sinks(const ServerOptions& options, std::size_t count) {
    servers.push_back(serve(reactor, unix_name(), session_factory<Sink>(clients), options).value());
    peers = connect(servers.back(), count);
    ASSERT_TRUE(runs_until([&] { return clients.open.size() == count; }));
  }
  static ServerOptions limited(std::size_t write_high_water, std::size_t write_buffers_max) {
    ServerOptions options;
    options.stream.write_high_water = write_high_water;
    options.write_buffers_max = write_buffers_max;
    return options;
  }
  /// The system takes nothing from any client.
  void fill_all() {
    for (Stream* const one : clients.open) fill_until_full(one->fd());
  }
  [[nodiscard]] std::size_t queued() const {
    std::size_t sum = 0;
    for (Stream* const one : clients.open) {
      if (std::find(clients.ended.begin(), clients.ended.end(), one) == clients.ended.end() &&
          !one->is_closing())
        sum += one->unsent_bytes();
    }
    return sum;
  }
  /// So that what waits has waited.
  void let_time_pass() {
    bool has_passed = false;
    Timer timer{reactor, [&] { has_passed = true; }};
    timer.arm_after(5ms);
    EXPECT_TRUE(runs_until([&] { return has_passed; }));
  }

  Clients clients;
  std::vector<Fd> peers;
  std::vector<Server> servers;  // destroyed first: their sessions use what is above
};
RONDO_ON_EVERY_BACKEND(ServerBudget);

TEST_P(ServerBudget, OneAnswerThatIsLargerReachesItsReader) {
  const std::string answer = numbered_text(13 * mib);
  auto server = serve(reactor, "127.0.0.1:0", [&](Stream& client, Bytes) {
                  EXPECT_NE(client.write(answer), WriteStatus::refused);
                }).value();
  const Fd client = connect(server.local_endpoint());
  ASSERT_TRUE(has(server, 1));
  write_all(client.get(), "?");
  EXPECT_TRUE(read_by_peer(client, answer.size()) == answer);
  EXPECT_EQ(server.connections(), 1u);
}

TEST_P(ServerBudget, TwoReadersOfLargeAnswersGetThemWhole) {
  const std::string answer = numbered_text(8 * mib);
  auto server = serve(reactor, "127.0.0.1:0", [&](Stream& client, Bytes) {
                  EXPECT_NE(client.write(answer), WriteStatus::refused);
                }).value();
  const auto readers = connect(server, 2);
  ASSERT_TRUE(has(server, 2));
  for (const Fd& one : readers) write_all(one.get(), "?");
  std::string got[2];
  EXPECT_TRUE(runs_until([&] {
    for (const std::size_t i : {0u, 1u}) got[i] += read_all(readers[i].get());
    return got[0].size() >= answer.size() && got[1].size() >= answer.size();
  }));
  EXPECT_TRUE(got[0] == answer && got[1] == answer);
  EXPECT_EQ(server.connections(), 2u);
}

TEST_P(ServerBudget, PushesToClientsThatNeverReadAreBoundedByDefault) {
  for (const std::size_t size : {mib, 5 * mib}) {
    SCOPED_TRACE(size);
    servers.clear();
    clients = {};
    serve_sinks({}, 20);
    fill_all();
    const std::string push(size, 'p');
    std::size_t most = 0;
    for (Stream* const one : clients.open) {
      one->write(push);
      most = std::max(most, queued());
    }
    EXPECT_LE(most, 16 * mib);
    EXPECT_GE(most, 8 * mib) << "more than needed were ended";
    run_on();
    ASSERT_FALSE(clients.why.empty());
    for (const std::string& why : clients.why)
      EXPECT_EQ(why, "overflow: the server's write_buffers_max");
  }
}

TEST_P(ServerBudget, EndsThoseThatTakeNothingBeforeThoseThatWereJustAnswered) {
  serve_sinks(limited(1000, mib), 3);
  fill_all();
  clients.open[1]->write(std::string(900'000, 'x'));
  let_time_pass();
  clients.open[0]->write(std::string(1'000'000, 'x'));
  clients.open[2]->write(std::string(1'000'000, 'x'));
  EXPECT_FALSE(clients.open[0]->is_closing());
  EXPECT_TRUE(clients.open[1]->is_closing());
  EXPECT_FALSE(clients.open[2]->is_closing());
  run_on();
  EXPECT_EQ(clients.ended, std::vector<Stream*>{clients.open[1]});
}

TEST_P(ServerBudget, AClientThatHasReadIsOfferedMoreBeforeItIsEnded) {
  serve_sinks(limited(1000, mib), 2);
  fill_all();
  clients.open[0]->write(std::string(1'060'000, 'x'));
  let_time_pass();
  EXPECT_GT(read_all(peers[0].get()).size(), 20'000u);  // which the poller has not reported
  clients.open[1]->write(std::string(1'200'000, 'x'));
  EXPECT_LT(clients.open[0]->unsent_bytes(), 1'050'000u);
  EXPECT_FALSE(clients.open[0]->is_closing());
  EXPECT_FALSE(clients.open[1]->is_closing());
}

TEST_P(ServerBudget, CountsNotTheLargestAndSparesThoseThatHaveQueuedLittle) {
  serve_sinks(limited(10'000, 100'000), 14);
  fill_all();
  for (std::size_t i = 0; i < 12; ++i) clients.open[i]->write(std::string(9'000, 'x'));
  let_time_pass();
  for (int i = 0; i < 100; ++i) clients.open[12]->write(std::string(9'000, 'x'));
  EXPECT_FALSE(clients.open[12]->is_closing()) << "the others are within the budget without it";
  clients.open[13]->write(std::string(50'000, 'x'));
  EXPECT_NE(clients.open[12]->is_closing(), clients.open[13]->is_closing());
  run_on();
  EXPECT_EQ(clients.ended.size(), 1u);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(clients.open[i]->unsent_bytes(), 9'000u);
}

TEST_P(ServerBudget, TheLargestIsFoundAgainWhenItHasChanged) {
  serve_sinks(limited(1000, mib), 3);
  fill_all();
  clients.open[0]->write(std::string(2'000'000, 'x'));
  clients.open[1]->write(std::string(900'000, 'x'));
  clients.open[0]->abort();
  run_on();
  clients.open[2]->write(std::string(1'000'000, 'x'));
  EXPECT_FALSE(clients.open[1]->is_closing());
  EXPECT_FALSE(clients.open[2]->is_closing());
  clients.open[1]->write(std::string(3'000'000, 'x'));
  EXPECT_FALSE(clients.open[1]->is_closing());
  EXPECT_FALSE(clients.open[2]->is_closing());
  clients.open[2]->write(std::string(100'000, 'x'));
  EXPECT_NE(clients.open[1]->is_closing(), clients.open[2]->is_closing());
}

TEST_P(ServerBudget, TheLargestIsFoundAgainWhenItHasShrunk) {
  serve_sinks(limited(1000, mib), 3);
  fill_all();
  clients.open[0]->write(std::string(2'000'000, 'x'));
  clients.open[1]->write(std::string(1'000'000, 'x'));
  ASSERT_TRUE(runs_until([&] {
    const bool has_shrunk = clients.open[0]->unsent_bytes() <= 900'000;
    if (!has_shrunk) (void)read_all(peers[0].get());  // makes room for more
    return has_shrunk;
  }));
  ASSERT_GE(clients.open[0]->unsent_bytes(), 100'000u);
  clients.open[2]->write(std::string(100'000, 'x'));  // the largest is the second now
  for (Stream* const one : clients.open) EXPECT_FALSE(one->is_closing());
}

TEST_P(ServerBudget, OfDescriptorsCountsFilesOfAll) {
  const TemporaryFile file{"f"};
  ServerOptions options;
  options.write_descriptors_max = 10;
  serve_sinks(options, 3);
  fill_all();
  const auto send = [&](std::size_t client, int count) {
    for (; count > 0; --count)
      clients.open[client]->send_file(File::open(file.path()).value(), 0, 1);
  };
  send(0, 1);
  send(1, 8);
  let_time_pass();
  send(2, 2);
  EXPECT_TRUE(clients.open[1]->is_closing());
  run_on();
  EXPECT_EQ(clients.why, std::vector<std::string>{"overflow: the server's write_descriptors_max"});
  EXPECT_EQ(clients.open[0]->unsent_bytes(), 1u) << "one file is spared";
}

}  // namespace
}  // namespace rondo::test
