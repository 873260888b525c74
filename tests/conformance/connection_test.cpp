// SPDX-License-Identifier: MIT
// Clients that coroutines serve, on each backend.
#include <rondo/connection.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <rondo/coroutine.h>

#include "support/server_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class ConnectionTest : public ServersOnEveryBackend {
 protected:
  template <typename F>
  Server start(F function, const ServerOptions& options = without_lingering()) {
    return serve(reactor, "127.0.0.1:0", std::move(function), options).value();
  }
};
RONDO_ON_EVERY_BACKEND(ConnectionTest);

Task<> echo_all(Connection& client) {
  while (const auto data = co_await client.read()) client.write(data);
}

TEST_P(ConnectionTest, EchoesUntilThePeerFinishes) {
  const Server server = start(echo_all);
  Fd client = connect(server.local_endpoint());
  for (const std::string_view text : {"one", "two", "three"}) {
    write_all(client.get(), text);
    EXPECT_EQ(read_by_peer(client, text.size()), text);
  }
  client = Fd{};
  EXPECT_TRUE(has(server, 0));
}

TEST_P(ConnectionTest, ReadsWhatItNeeds) {
  std::vector<std::string> seen;
  const auto body = [&](Connection& client) -> Task<> {
    std::byte few[3];
    seen.emplace_back(as_text(Bytes{few}.first(co_await client.read_some(few))));
    seen.emplace_back((co_await client.read_exactly(4)).text());
    seen.emplace_back((co_await client.read_until("\r\n")).text());
    seen.emplace_back((co_await client.read_exactly(8)).text());
    seen.emplace_back((co_await client.read()).text());
    seen.emplace_back((co_await client.read_until(";")).text());
  };
  const Server server = start(body);
  Fd client = connect(server.local_endpoint());
  const std::string text = "abcdefgh line\r\n12345678rest";
  write_all(client.get(), text);
  EXPECT_TRUE(runs_until([&] { return seen.size() == 5; }));
  client = Fd{};
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(seen, (std::vector<std::string>{"abc", "defg", "h line\r\n", "12345678", "rest", ""}));
}

TEST_P(ConnectionTest, ReadsTheSameHoweverTheInputIsCut) {
  std::vector<std::string> seen;
  const auto body = [&](Connection& client) -> Task<> {
    seen.emplace_back((co_await client.read_exactly(4)).text());
    seen.emplace_back((co_await client.read_until("--")).text());
    seen.emplace_back((co_await client.read_exactly(2)).text());
    seen.emplace_back((co_await client.read_until("--")).text());
    seen.emplace_back((co_await client.read_exactly(3)).text());
  };
  const Server server = start(body);
  const std::string text = "abcdefg-h--ij-kl--mno";
  const std::vector<std::string> expected{"abcd", "efg-h--", "ij", "-kl--", "mno"};
  for (const std::size_t piece : {1U, 2U, 3U, 5U, 7U, 100U}) {
    seen.clear();
    Fd client = connect(server.local_endpoint());
    for (std::size_t at = 0; at < text.size(); at += piece) {
      write_all(client.get(), text.substr(at, piece));
      run_on();
    }
    EXPECT_TRUE(runs_until([&] { return seen.size() == 5; }));
    EXPECT_EQ(seen, expected) << piece;
  }
}

TEST_P(ConnectionTest, LimitsWhatHasNoDelimiter) {
  std::string error;
  std::string rest;
  const auto body = [&](Connection& client) -> Task<> {
    try {
      (void)co_await client.read_until("\n", 10);
    } catch (const std::system_error& failed) {
      EXPECT_EQ(failed.code(), std::errc::message_size);
      error = failed.what();
    }
    rest = (co_await client.read_exactly(12)).text();
  };
  const Server server = start(body);
  const Fd client = connect(server.local_endpoint());
  write_all(client.get(), "0123456789\nx");
  EXPECT_TRUE(runs_until([&] { return !rest.empty(); }));
  EXPECT_EQ(error, "read_until: no delimiter in 10 bytes: Message too long");
  EXPECT_EQ(rest, "0123456789\nx") << "they stay";
}

TEST_P(ConnectionTest, SaysWhatHadArrivedWhenTheInputEnds) {
  std::vector<std::string> parts;
  const auto body = [&](Connection& client) -> Task<> {
    try {
      (void)co_await client.read_exactly(10);
    } catch (const IncompleteRead& error) {
      parts.push_back(error.part());
      EXPECT_EQ(error.reason(), CloseReason::eof);
    }
    client.write("seen");
  };
  const Server server = start(body);
  const Fd client = connect(server.local_endpoint());
  write_all(client.get(), "half");
  EXPECT_EQ(kernel().net().shutdown(client.get(), Direction::write), 0);
  EXPECT_EQ(read_by_peer(client, 4), "seen");
  EXPECT_EQ(parts, std::vector<std::string>{"half"});
}

TEST_P(ConnectionTest, KeepsWhatItDoesNotReadWhileItWaitsElsewhere) {
  std::string seen;
  Event event;
  const auto body = [&](Connection& client) -> Task<> {
    seen += (co_await client.read_exactly(3)).text();
    co_await event.wait();
    seen += (co_await client.read_exactly(7)).text();
  };
  const Server server = start(body);
  const Fd client = connect(server.local_endpoint());
  write_all(client.get(), "0123456789");
  EXPECT_TRUE(runs_until([&] { return seen.size() == 3; }));
  run_on();
  EXPECT_EQ(seen, "012");
  event.set();
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(seen, "0123456789");
}

TEST_P(ConnectionTest, HoldsThePeerBackWhileNoTaskReads) {
  std::size_t seen = 0;
  Event event;
  const auto body = [&](Connection& client) -> Task<> {
    co_await event.wait();
    while (const auto data = co_await client.read()) seen += data.size();
  };
  const Server server = start(body);
  Fd client = connect(server.local_endpoint());
  const std::string much(std::size_t{1} << 20U, 'x');
  std::size_t sent = 0;
  const auto send_more = [&] {
    const long taken = write_some(client.get(), std::string_view{much}.substr(sent));
    if (taken > 0) sent += static_cast<std::size_t>(taken);
  };
  for (int i = 0; i < 100 && sent < much.size(); ++i) {
    send_more();
    run_turns(reactor, 1);
  }
  const int reads = net.calls("read");
  run_on();
  EXPECT_EQ(net.calls("read"), reads) << "nothing is read, and the loop does not spin";
  EXPECT_EQ(seen, 0U);
  event.set();
  EXPECT_TRUE(runs_until([&] {
    send_more();
    return seen == much.size();
  }));
  client = Fd{};
  EXPECT_TRUE(has(server, 0));
}

TEST_P(ConnectionTest, IsClosedWhenItsCoroutineEndsAndItsOutputIsSent) {
  const std::string much = numbered_text(300'000);
  const auto body = [&](Connection& client) -> Task<> {
    client.write(much);
    co_return;
  };
  const Server server = start(body);
  const Fd client = connect(server.local_endpoint());
  EXPECT_EQ(read_by_peer(client, much.size()), much);
  EXPECT_TRUE(is_closed(client));
  EXPECT_TRUE(has(server, 0));
}

TEST_P(ConnectionTest, ReportsAnException) {
  std::vector<std::string> errors;
  for (const bool late : {false, true}) {
    const auto body = [&](Connection& client) -> Task<> {
      (void)co_await client.read();
      if (late) co_await sleep(1ms);
      throw std::runtime_error("refused");
    };
    Server server = start(body);
    server.set_error_handler([&](const std::exception_ptr& thrown) {
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& error) {
        errors.emplace_back(error.what());
      }
    });
    const Fd client = connect(server.local_endpoint());
    write_all(client.get(), "x");
    EXPECT_TRUE(runs_until([&] { return server.counters().exceptions == 1; }));
    EXPECT_TRUE(has(server, 0));
  }
  EXPECT_EQ(errors, (std::vector<std::string>{"refused", "refused"}));
}

TEST_P(ConnectionTest, ThatIsResetThrowsIntoTheCoroutineWhichIsNoError) {
  bool thrown = false;
  const auto body = [&](Connection& client) -> Task<> {
    try {
      while (co_await client.read()) {
      }
    } catch (const Disconnected& error) {
      thrown = error.reason() == CloseReason::reset;
      throw;
    }
  };
  const Server server = start(body);
  Fd client = connect(server.local_endpoint());
  write_all(client.get(), "x");
  EXPECT_TRUE(has(server, 1));
  run_on();
  close_with_reset(client);
  EXPECT_TRUE(has(server, 0));
  EXPECT_TRUE(thrown);
  EXPECT_EQ(server.counters().exceptions, 0U);
}

TEST_P(ConnectionTest, LivesUntilItsCoroutineEnds) {
  int steps = 0;
  Event event;
  const auto body = [&](Connection& client) -> Task<> {
    ++steps;
    co_await event.wait();
    EXPECT_EQ((co_await client.closed()).reason, CloseReason::timed_out);
    EXPECT_EQ(client.write("nothing"), WriteStatus::refused);
    ++steps;
  };
  ServerOptions options = without_lingering();
  options.stream.idle_timeout = 20ms;
  const Server server = start(body, options);
  const Fd client = connect(server.local_endpoint());
  EXPECT_TRUE(is_closed(client));
  EXPECT_EQ(server.connections(), 1U) << "its coroutine has not ended";
  event.set();
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(steps, 2);
}

TEST_P(ConnectionTest, EndsWithItsServer) {
  struct Counting {
    explicit Counting(int& one) : count(one) { ++count; }
    ~Counting() { --count; }
    int& count;
  };
  int live = 0;
  Event event;
  std::optional<Server> server;
  enum class Waits { reads, elsewhere, has_ended, destroys, destroys_from_a_timer };
  for (const Waits waits : {Waits::reads, Waits::elsewhere, Waits::has_ended, Waits::destroys,
                            Waits::destroys_from_a_timer}) {
    const auto body = [&](Connection& client) -> Task<> {
      const Counting counting{live};
      if (waits == Waits::destroys_from_a_timer) co_await sleep(1ms);
      if (waits >= Waits::destroys) {
        server.reset();
        EXPECT_EQ(client.write("too late"), WriteStatus::refused);
        EXPECT_EQ(live, 1);
      }
      if (waits == Waits::reads) (void)co_await client.read();
      co_await event.wait();
      ADD_FAILURE() << "it was to end";
    };
    ServerOptions options = without_lingering();
    if (waits == Waits::has_ended) options.stream.idle_timeout = 10ms;
    server.emplace(start(body, options));
    const Fd client = connect(server->local_endpoint());
    if (waits < Waits::destroys) {
      EXPECT_TRUE(runs_until([&] { return live == 1; }));
      if (waits == Waits::has_ended) {
        EXPECT_TRUE(is_closed(client));
      }
      server.reset();
    } else {
      EXPECT_TRUE(runs_until([&] { return !server.has_value(); }));
      run_on();
    }
    EXPECT_EQ(live, 0);
    EXPECT_TRUE(is_closed(client));
  }
}

TEST_P(ConnectionTest, IsClosedWhenTheServerDrains) {
  Server server = start(echo_all);
  const Fd client = connect(server.local_endpoint());
  EXPECT_TRUE(echoes(client));
  bool drained = false;
  server.drain(10s, [&] { drained = true; });
  EXPECT_TRUE(runs_until([&] { return drained; }));
  EXPECT_TRUE(is_closed(client));
}

TEST_P(ConnectionTest, MayFinishItsWorkWhenTheServerDrains) {
  const auto body = [&](Connection& client) -> Task<> {
    co_await client.draining();
    client.write("goodbye");
  };
  Server server = start(body);
  const Fd client = connect(server.local_endpoint());
  EXPECT_TRUE(has(server, 1));
  bool drained = false;
  server.drain(10s, [&] { drained = true; });
  EXPECT_TRUE(runs_until([&] { return drained; }));
  EXPECT_EQ(read_by_peer(client, 7), "goodbye");
}

TEST_P(ConnectionTest, ThatIgnoresTheDrainEndsAtItsDeadline) {
  for (const bool ended_before : {false, true}) {
    Event never_set;
    const auto body = [&](Connection& client) -> Task<> {
      if (ended_before) client.abort();
      co_await never_set.wait();
    };
    Server server = start(body);
    const Fd client = connect(server.local_endpoint());
    EXPECT_TRUE(has(server, 1));
    run_on();
    bool drained = false;
    server.drain(10ms, [&] { drained = true; });
    EXPECT_TRUE(runs_until([&] { return drained; }));
    EXPECT_EQ(server.connections(), 0U);
  }
}

TEST_P(ConnectionTest, WaitsWhileItsOutputIsFull) {
  std::size_t sent = 0;
  const std::string page = numbered_text(100'000);
  const auto body = [&](Connection& client) -> Task<> {
    for (int i = 0; i < 100; ++i) {
      co_await client.send(page);
      sent += page.size();
    }
    co_await client.flushed();
    EXPECT_EQ(client.stream().unsent_bytes(), 0U);
  };
  const Server server = start(body);
  const Fd client = connect(server.local_endpoint());
  EXPECT_TRUE(has(server, 1));
  run_on();
  EXPECT_LT(sent, 100 * page.size()) << "the peer has not read";
  EXPECT_EQ(read_by_peer(client, 100 * page.size()).size(), 100 * page.size());
  EXPECT_TRUE(has(server, 0));
}

TEST_P(ConnectionTest, SendsTheAnswerInOneCall) {
  const auto body = [&](Connection& client) -> Task<> {
    while (const auto data = co_await client.read()) {
      client.write("<");
      client.write(data);
      client.write(">");
    }
  };
  const Server server = start(body);
  const Fd client = connect(server.local_endpoint());
  write_all(client.get(), "a");
  EXPECT_EQ(read_by_peer(client, 3), "<a>");
  const int before = sends(net);
  write_all(client.get(), "b");
  EXPECT_EQ(read_by_peer(client, 3), "<b>");
  EXPECT_EQ(sends(net), before + 1);
}

TEST_P(ConnectionTest, MaySpawnATaskWhileItUsesLentBytes) {
  TaskGroup group{reactor};
  const auto nothing = []() -> Task<> { co_return; };
  const auto body = [&](Connection& client) -> Task<> {
    const auto data = co_await client.read();
    group.spawn(nothing());
    client.write(data);
  };
  const Server server = start(body);
  const Fd client = connect(server.local_endpoint());
  write_all(client.get(), "lent");
  EXPECT_EQ(read_by_peer(client, 4), "lent");
}

}  // namespace
}  // namespace rondo::test
