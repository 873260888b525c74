// SPDX-License-Identifier: MIT
// The memory of text streams and of servers, in bytes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <rondo/coroutine.h>
#include <rondo/rondo.h>

#include "support/allocation_counter.h"
#include "support/descriptors.h"
#include "support/run_until.h"
#include "support/task_end.h"

namespace rondo::test {
namespace {

constexpr std::int64_t kib = 1024;

/// Reads what it is told to.
struct ObedientReader final : TextHandler {
  void on_readable(TextStream& text) override {
    if (reads) taken += text.read_all().size();
  }
  bool reads = true;
  std::size_t taken = 0;
};

class TextMemory : public testing::Test {
 protected:
  void open(const TextOptions& options) {
    Pair pair = unix_pair();
    peer = std::move(pair.theirs);
    text = TextStream::adopt(reactor, Socket{system_net(), pair.ours.release()}, reader, options)
               .value();
    run_turns(reactor, 3);
    before = live_bytes();
  }
  /// As much as is taken, noting the most memory at the ends of turns.
  void flood(std::string_view block) {
    for (int quiet = 0; quiet < 5; ++quiet) {
      if (write_some(peer.get(), block) > 0) quiet = 0;
      run_turns(reactor, 1);
      most = std::max(most, live_bytes() - before);
      if (reader.taken > 2'000'000) return;
    }
  }
  [[nodiscard]] std::int64_t held() const { return live_bytes() - before; }

  Reactor reactor;
  ObedientReader reader;
  Fd peer;
  std::unique_ptr<TextStream> text;
  std::int64_t before = 0;
  std::int64_t most = 0;
};

TEST_F(TextMemory, GoesBackWhenAllWasTaken) {
  for (const char* const name : {"utf-8", "latin-1", "utf-16-le"}) {
    SCOPED_TRACE(name);
    reader = {};
    open({.encoding = Encoding::find(name).value()});
    flood(std::string(100'000, 'x'));
    run_turns(reactor, 10);
    text->write(std::string(10, 'y'));
    EXPECT_LE(held(), 6 * kib);
  }
}

TEST_F(TextMemory, OfUnreadTextStaysWithinItsBound) {
  std::string lines;  // made before the memory is counted
  while (lines.size() < 50'000) lines += "a line \xe9\n";
  for (const char* const name : {"utf-8", "latin-1", "utf-16-le"}) {
    for (const TextErrors errors : {TextErrors::ignore, TextErrors::backslashreplace}) {
      SCOPED_TRACE(testing::Message() << name << ' ' << static_cast<int>(errors));
      reader = {};
      reader.reads = false;
      most = 0;
      open({.encoding = Encoding::find(name).value(), .errors = errors});
      flood(lines);
      EXPECT_GT(text->unread(), 32u * kib);
      EXPECT_LE(most, 128 * kib);
      // All of it can still be read, and then the stream goes on.
      reader.reads = true;
      for (int i = 0; i < 10; ++i) {
        reader.taken += text->read_all().size();
        run_turns(reactor, 2);
      }
      flood(lines);
      EXPECT_GT(reader.taken, 500'000u);
    }
  }
}

// 100 clients that pipeline requests with large answers, and read nothing.
TEST(ServerMemory, OfClientsThatNeverReadIsBoundedByDefault) {
  Reactor reactor;
  struct Answer {
    std::size_t request_size;
    std::string text;  // or what has been received
  };
  const Answer answers[] = {{1, ""}, {100, std::string(16'000, 'a')}, {1, std::string(1000, 'a')}};
  for (const Answer& answer : answers) {
    SCOPED_TRACE(answer.text.size());
    std::int64_t before = 0;
    std::int64_t most = 0;
    auto server = serve(reactor, "127.0.0.1:0", [&](Stream& client, Bytes data) {
                    most = std::max(most, live_bytes() - before);
                    if (answer.text.empty()) {
                      client.write(data);
                      return;
                    }
                    for (std::size_t at = 0; at < data.size(); at += answer.request_size)
                      client.write(answer.text);
                  }).value();
    std::vector<Fd> clients;
    for (int i = 0; i < 100; ++i) {
      clients.push_back(tcp_connecting(server.local_endpoint().port()));
      const std::size_t expected = clients.size();
      ASSERT_TRUE(run_until(reactor, [&] { return server.connections() >= expected; }));
    }
    before = live_bytes();
    most = 0;
    const std::string requests(100'000, 'r');
    for (int round = 0; round < 40; ++round) {
      for (const Fd& client : clients) (void)write_some(client.get(), requests);  // may be reset
      run_turns(reactor, 1);
      most = std::max(most, live_bytes() - before);
    }
    EXPECT_LT(most, 16 * kib * kib);
  }
}

// The same of sessions that push without a request.
TEST(ServerMemory, OfPushesToClientsThatNeverReadIsBoundedByDefault) {
  Reactor reactor;
  for (const std::size_t mib : {1U, 3U, 13U}) {
    SCOPED_TRACE(mib);
    struct Push final : Session {
      explicit Push(const std::string& data) : data_(data) {}
      void on_open(Stream& client) override {
        fill_until_full(client.fd());
        client.write(data_);
      }
      void on_data(Stream&, Bytes) override {}
      const std::string& data_;
    };
    const std::string data(mib << 20U, 'p');
    const std::int64_t before = live_bytes();
    std::int64_t most = 0;
    const std::string name = "unix:@rondo-push-" + std::to_string(::getpid());
    auto server = serve<Push>(reactor, name, data).value();
    std::vector<Socket> clients;
    for (std::uint64_t i = 1; i <= 100; ++i) {
      clients.push_back(Socket::connect(system_net(), server.local_endpoint()).value());
      ASSERT_TRUE(run_until(reactor, [&] {
        most = std::max(most, live_bytes() - before);
        return server.counters().accepted == i;
      }));
      most = std::max(most, live_bytes() - before);
    }
    EXPECT_LT(most, 16 * kib * kib);
    EXPECT_LT(server.connections(), 100u);
  }
}

/// What has arrived is lent to the task, and is the reactor's again when on_data has returned.
TEST(ConnectionsWithoutMemory, LoseTheInputThatTheyCannotKeep) {
  Reactor reactor;
  Pair pair = unix_pair();
  const auto connection =
      adopt_connection(reactor, Socket{system_net(), pair.ours.release()}).value();
  std::string part = "not read";
  const auto body = [&]() -> Task<> {
    try {
      (void)co_await connection->read_exactly(100);
    } catch (const IncompleteRead& error) {
      part = error.part();
    }
  };
  TaskGroup group{reactor};
  group.spawn(body());
  EXPECT_TRUE(reactor.run_once(Duration::zero()));
  write_all(pair.theirs.get(), "some, but not enough");
  {
    const FewAllocations none{0};
    EXPECT_THROW((void)reactor.run_once(Duration::zero()), std::bad_alloc);  // it throws
  }
  EXPECT_TRUE(run_until(reactor, [&] { return group.size() == 0; }));
  EXPECT_EQ(part, "");
}

/// An exception that is lost with a task that was cancelled must not make the next read wait.
TEST(TextWithoutMemory, IsFollowedByTheEndOfTheConnection) {
  for (const bool has_input : {false, true}) {
    Reactor reactor;
    Pair pair = unix_pair();
    const auto connection =
        adopt_connection(reactor, Socket{system_net(), pair.ours.release()}).value();
    TextConnection text{*connection, {.encoding = Encoding::find("latin-1").value()}};
    write_all(pair.theirs.get(), "a line that is longer than a string without memory of its own\n");
    int without = 0;
    int disconnected = 0;
    const auto body = [&]() -> Task<> {
      if (has_input) {
        (void)co_await connection->read_exactly(1);
      } else {
        connection->abort();
        (void)co_await connection->closed();  // aborted
      }
      try {
        const FewAllocations none{0};
        (void)co_await text.read_line();
      } catch (const std::bad_alloc&) {
        ++without;
      }
      try {
        (void)co_await text.read_line();
      } catch (const Disconnected&) {
        ++disconnected;
      }
    };
    EXPECT_TRUE(run_task(reactor, body()));
    EXPECT_EQ(without, 1) << has_input;
    EXPECT_EQ(disconnected, 1) << has_input;
  }
}

}  // namespace
}  // namespace rondo::test
