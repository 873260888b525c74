// SPDX-License-Identifier: MIT
// Reads that are branches of when_any and the like, on each backend: they lose no byte.
#include <rondo/combine.h>

#include <memory>
#include <string>
#include <utility>

#include <rondo/coroutine.h>

#include "support/server_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class CombinedReadsTest : public ServersOnEveryBackend {
 protected:
  template <typename F>
  Server start(F function) {
    return serve(reactor, "127.0.0.1:0", std::move(function), without_lingering()).value();
  }
};
RONDO_ON_EVERY_BACKEND(CombinedReadsTest);

std::string lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += std::to_string(i) + '\n';
  return text;
}

// The peer sends pieces of lines, and the other branch wins again and again meanwhile.
TEST_P(CombinedReadsTest, ALineAndATickInALoopLoseNoByte) {
  std::string received;
  int ticks = 0;
  const auto body = [&](Connection& client) -> Task<> {
    while (true) {
      const auto first = co_await when_any(client.read_until("\n"), turn());
      if (first.index() == 1) {
        ++ticks;
      } else if (const LentBytes line = std::get<0>(first)) {
        EXPECT_EQ(line.text().back(), '\n');
        received += line.text();
      } else {
        break;
      }
    }
  };
  const Server server = start(body);
  Fd client = connect(server.local_endpoint());
  const std::string text = lines(300);
  for (std::size_t at = 0; at < text.size(); at += 7) {
    write_all(client.get(), text.substr(at, 7));
    run_on();
  }
  client = Fd{};
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(received, text);
  EXPECT_GT(ticks, 0);
}

TEST_P(CombinedReadsTest, EachKindOfReadLosesNoByteWhenItIsCancelled) {
  std::string received;
  int ticks = 0;
  const auto body = [&](Connection& client) -> Task<> {
    std::byte few[3];
    for (bool is_open = true; is_open;) {
      const auto all = co_await when_any(client.read(), turn());
      if (all.index() == 0) {
        const LentBytes data = std::get<0>(all);
        received += data.text();
        is_open = !data.empty();
      }
      const auto some = co_await when_any(turn(), client.read_some(few));
      if (some.index() == 1) received += as_text(Bytes{few}.first(std::get<1>(some)));
      const auto five = co_await timeout(0s, timeout(1h, client.read_exactly(5)));
      if (five && *five) received += (*five)->text();
      ticks += all.index() == 1 && some.index() == 0 && !five ? 1 : 0;
    }
  };
  const auto ignores_the_rest = [&](Connection& client) -> Task<> {
    try {
      co_await body(client);
    } catch (const IncompleteRead& error) {
      received += error.part();
    }
  };
  const Server server = start(ignores_the_rest);
  Fd client = connect(server.local_endpoint());
  const std::string text = lines(300);
  for (std::size_t at = 0; at < text.size(); at += 7) {
    write_all(client.get(), text.substr(at, 7));
    run_on();
  }
  client = Fd{};
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(received, text);
  EXPECT_GT(ticks, 0);
}

/// Cancels the tasks of a group when it is destroyed.
class Canceller {
 public:
  explicit Canceller(TaskGroup& group) noexcept : group_(&group) {}
  Canceller(Canceller&& other) noexcept : group_(std::exchange(other.group_, nullptr)) {}
  Canceller& operator=(Canceller&&) = delete;
  ~Canceller() {
    if (group_ != nullptr) group_->cancel();
  }

 private:
  TaskGroup* group_;
};

// The read has won, and the loser's destructor cancels the task before it has taken the bytes.
TEST_P(CombinedReadsTest, AReadThatIsCancelledWhenItHasWonLeavesTheInput) {
  std::string received;
  const auto loser = [](Canceller) -> Task<> { co_await sleep(1h); };
  const auto body = [&](Connection& client) -> Task<> {
    TaskGroup group{reactor};
    const auto reads = [&]() -> Task<> {
      co_await when_any(client.read(), loser(Canceller{group}));
      ADD_FAILURE() << "it was cancelled";
    };
    group.spawn(reads());
    co_await group.join();
    received = (co_await client.read()).text();
  };
  const Server server = start(body);
  const Fd client = connect(server.local_endpoint());
  run_on();
  write_all(client.get(), "kept");
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(received, "kept");
}

TEST_P(CombinedReadsTest, BothDirectionsEndTogether) {
  const auto body = [&](Connection& client) -> Task<> {
    std::byte one[2];
    const auto [size, sent, flushed] =
        co_await when_all(client.read_some(one), client.send("sent"), client.flushed());
    client.write(Bytes{one}.first(size));
  };
  const Server server = start(body);
  const Fd client = connect(server.local_endpoint());
  EXPECT_EQ(read_by_peer(client, 4), "sent");
  write_all(client.get(), "ab");
  EXPECT_EQ(read_by_peer(client, 2), "ab");
  EXPECT_TRUE(has(server, 0));
}

}  // namespace
}  // namespace rondo::test
