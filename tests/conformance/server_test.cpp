// Servers: whom they let in, where they listen, how they end.
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <rondo/server.h>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

struct Greeter final : Session {
  Greeter(const std::string& greeting, int& sessions) : text(greeting), count(sessions) { ++count; }
  ~Greeter() override { --count; }
  void on_open(Stream& client) override { client.write(text); }
  void on_data(Stream& client, Bytes data) override { client.write(data); }
  const std::string& text;
  int& count;
};

struct Stubborn final : Session {
  void on_data(Stream&, Bytes) override {}
  void on_end(Stream&) override {}
  void on_drain(Stream& client) override { client.write("not yet"); }
};

class Servers : public StreamsOnEveryBackend {
 protected:
  static auto echo() {
    return [](Stream& client, Bytes data) { client.write(data); };
  }
  static std::string unix_name() {
    static int count = 0;
    return "unix:/tmp/rondo-server-" + std::to_string(::getpid()) + '-' + std::to_string(++count);
  }
  Fd connect(const Endpoint& where) {
    auto socket = Socket::connect(kernel().net(), where);
    EXPECT_TRUE(socket) << socket.error().message();
    return socket ? Fd{socket->release()} : Fd{};
  }
  std::vector<Fd> connect(const Server& server, std::size_t count) {
    std::vector<Fd> clients;
    for (; count > 0; --count) clients.push_back(connect(server.local_endpoint()));
    return clients;
  }
  bool has(const Server& server, std::size_t connections) {
    return runs_until([&] { return server.connections() == connections; });
  }
  /// Whether a client is served.
  bool echoes(const Fd& client) {
    EXPECT_TRUE(runs_until([&] { return read_result(client.get()) != -ENOTCONN; }));
    write_all(client.get(), "ping");
    return read_by_peer(client, 4) == "ping";
  }
  bool is_closed(const Fd& client) {
    long result = -EAGAIN;
    return runs_until([&] {
             result = read_result(client.get());
             return result != -EAGAIN && result != -ENOTCONN;
           }) &&
           result <= 0;
  }
};
RONDO_ON_EVERY_BACKEND(Servers);

TEST_P(Servers, GiveTheClientsOfAnAdoptedListenerTheirOptionsToo) {
  int nodelay = 0;
  Server server = Server::make(reactor, session_factory([&](Stream& client, Bytes) {
                                 EXPECT_EQ(net.get(client.fd(), SocketOption::nodelay, nodelay), 0);
                               }));
  const auto local = server.adopt(Socket::listen(net, Endpoint::loopback(0)).value()).value();
  const Fd client = connect(local);
  EXPECT_TRUE(runs_until([&] { return server.connections() == 1; }));
  write_all(client.get(), "x");
  EXPECT_TRUE(runs_until([&] { return nodelay != 0; }));
  EXPECT_TRUE(server.unapplied().empty());
}

TEST_P(Servers, AskAndSetNothingOfWhomTheyAccept) {
  auto server = serve(reactor, "127.0.0.1:0", echo()).value();
  const auto calls = [this] {
    return net.calls("option") + net.calls("set_option") + net.calls("get") + net.calls("set");
  };
  const int before = calls();
  for (const Fd& client : connect(server, 3)) EXPECT_TRUE(echoes(client));
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(calls(), before);
}

TEST_P(Servers, AClassGetsWhatIsShared) {
  const std::string greeting = "hello";
  int sessions = 0;
  auto server = serve<Greeter>(reactor, "127.0.0.1:0", {}, greeting, sessions).value();
  EXPECT_NE(server.local_endpoint().port(), 0) << "what the system chose";
  const auto clients = connect(server, 3);
  EXPECT_TRUE(has(server, 3));
  for (const Fd& client : clients) EXPECT_EQ(read_by_peer(client, 5), "hello");
  EXPECT_EQ(sessions, 3);
  EXPECT_EQ(server.counters().accepted, 3u);
  EXPECT_TRUE(echoes(clients[1]));
}

TEST_P(Servers, AFunctionServesAll) {
  auto server = serve(reactor, unix_name(), echo()).value();
  const auto clients = connect(server, 3);
  for (const Fd& client : clients) EXPECT_TRUE(echoes(client));
  EXPECT_EQ(server.connections(), 3u);
}

TEST_P(Servers, AFactoryMakesSessionsAndMayDecline) {
  const std::string greeting = "hello";
  int sessions = 0;
  int calls = 0;
  auto server =
      serve(reactor, "127.0.0.1:0", [&](Stream&, const Endpoint& peer) -> std::unique_ptr<Session> {
        EXPECT_EQ(peer.host(), "127.0.0.1");
        if (++calls == 1) return nullptr;
        return std::make_unique<Greeter>(greeting, sessions);
      }).value();
  const Fd first = connect(server.local_endpoint());
  EXPECT_TRUE(is_closed(first));
  EXPECT_EQ(server.connections(), 0u);
  const Fd second = connect(server.local_endpoint());
  EXPECT_EQ(read_by_peer(second, 5), "hello");
  EXPECT_EQ(sessions, 1);
}

TEST_P(Servers, ListenInSeveralPlaces) {
  auto server = serve(reactor, "127.0.0.1:0", echo()).value();
  const auto second = server.listen(unix_name());
  ASSERT_TRUE(second);
  const auto third = server.listen(Endpoint::loopback(0));
  ASSERT_TRUE(third);
  auto listener = Socket::listen(net, Endpoint::loopback(0)).value();
  const auto fourth = server.adopt(std::move(listener));
  ASSERT_TRUE(fourth);
  ASSERT_EQ(server.local_endpoints().size(), 4u);
  EXPECT_EQ(server.local_endpoints()[1], *second);
  EXPECT_EQ(server.local_endpoints()[3], *fourth);
  for (const Endpoint& where : server.local_endpoints()) EXPECT_TRUE(echoes(connect(where)));
  EXPECT_EQ(server.counters().listeners.accepted, 4u);
  server.stop_accepting();
  EXPECT_EQ(server.counters().listeners.accepted, 4u) << "still counted";
}

TEST_P(Servers, WhatCannotBeListenedOnIsNamed) {
  const auto held = serve(reactor, "127.0.0.1:0", echo()).value();
  const auto taken = serve(reactor, held.local_endpoint().to_string(), echo());
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, std::errc::address_in_use);
  EXPECT_NE(taken.error().message().find(held.local_endpoint().to_string()), std::string::npos);
  EXPECT_FALSE(serve(reactor, "nonsense", echo()));
}

TEST_P(Servers, ASocketFileNeedsItsFolder) {
  RONDO_NEEDS(files);
  EXPECT_FALSE(serve(reactor, "unix:/nowhere/at/all", echo()));
}

TEST_P(Servers, ASocketFileGoesWithItsServerAndAStaleOneIsReplaced) {
  RONDO_NEEDS(files);
  const std::string name = unix_name();
  const std::string path = name.substr(5);
  {
    const auto stale = Socket::listen(net, Endpoint::parse(name).value()).value();
  }
  ASSERT_EQ(::access(path.c_str(), F_OK), 0) << "left behind";
  {
    const auto server = serve(reactor, name, echo()).value();
    const auto second = serve(reactor, name, echo());
    ASSERT_FALSE(second) << "one that is listened on is not stale";
    EXPECT_EQ(second.error().code, std::errc::address_in_use);
    EXPECT_TRUE(echoes(connect(server.local_endpoint())));
  }
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
  Fd file{::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)};
  EXPECT_FALSE(serve(reactor, name, echo())) << "a file that is no socket is not touched";
  EXPECT_EQ(::unlink(path.c_str()), 0);
}

TEST_P(Servers, TheFilterDecides) {
  auto server = serve(reactor, "127.0.0.1:0", echo()).value();
  bool lets_in = false;
  server.accept_if([&](const Endpoint& peer) {
    EXPECT_EQ(peer.host(), "127.0.0.1");
    return lets_in;
  });
  EXPECT_TRUE(is_closed(connect(server.local_endpoint())));
  EXPECT_EQ(server.counters().refused, 1u);
  lets_in = true;
  EXPECT_TRUE(echoes(connect(server.local_endpoint())));
  EXPECT_EQ(server.counters().accepted, 1u);
}

TEST_P(Servers, TheLimitOfAnAddressHoldsToTheClient) {
  auto server = serve(reactor, "127.0.0.1:0", echo(), {.connections_per_address_max = 2}).value();
  auto clients = connect(server, 2);
  EXPECT_TRUE(has(server, 2));
  EXPECT_TRUE(is_closed(connect(server.local_endpoint())));
  EXPECT_EQ(server.counters().refused, 1u);
  EXPECT_EQ(server.counters().failed, 0u);
  clients.pop_back();
  EXPECT_TRUE(has(server, 1));
  clients.push_back(connect(server.local_endpoint()));
  EXPECT_TRUE(echoes(clients.back()));
  EXPECT_EQ(server.counters().accepted, 3u);
}

TEST_P(Servers, WhoIsTooManyWaitsUntilThereIsRoom) {
  auto server = serve(reactor, "127.0.0.1:0", echo(), {.connections_max = 2}).value();
  auto clients = connect(server, 4);
  EXPECT_TRUE(has(server, 2));
  run_on();
  EXPECT_EQ(server.connections(), 2u);
  EXPECT_TRUE(echoes(clients[0]));
  EXPECT_TRUE(echoes(clients[1]));
  clients.erase(clients.begin());
  EXPECT_TRUE(echoes(clients[1])) << "the third";
  EXPECT_EQ(server.connections(), 2u);
  clients.erase(clients.begin(), clients.begin() + 2);
  EXPECT_TRUE(echoes(clients[0])) << "the fourth";
  EXPECT_EQ(server.counters().refused, 0u);
}

TEST_P(Servers, WhoIsTooManyIsShed) {
  auto server =
      serve(reactor, "127.0.0.1:0", echo(), {.connections_max = 1, .when_full = WhenFull::reject})
          .value();
  auto first = connect(server.local_endpoint());
  EXPECT_TRUE(has(server, 1));
  EXPECT_TRUE(is_closed(connect(server.local_endpoint())));
  EXPECT_EQ(server.counters().refused, 1u);
  const auto later = server.listen("127.0.0.1:0");  // while it is full
  EXPECT_TRUE(is_closed(connect(*later)));
  EXPECT_EQ(server.counters().refused, 2u);
  first.close();
  EXPECT_TRUE(has(server, 0));
  EXPECT_TRUE(echoes(connect(*later)));
}

TEST_P(Servers, StopAcceptingLeavesWhoIsConnected) {
  auto server = serve(reactor, "127.0.0.1:0", echo()).value();
  auto client = connect(server.local_endpoint());
  EXPECT_TRUE(has(server, 1));
  server.stop_accepting();
  EXPECT_TRUE(echoes(client));
  client.close();
  EXPECT_TRUE(has(server, 0));
  EXPECT_TRUE(reactor.run()) << "returns: nothing is left";
}

TEST_P(Servers, DrainAsksEverySessionAndAbortsWhoDoesNotEnd) {
  for (const Duration timeout : {Duration{1h}, Duration{20ms}}) {
    auto server = serve<Stubborn>(reactor, "127.0.0.1:0").value();
    auto clients = connect(server, 3);
    EXPECT_TRUE(has(server, 3));
    server.drain(timeout);
    for (const Fd& client : clients) EXPECT_EQ(read_by_peer(client, 7), "not yet");
    if (timeout > 1s) {
      EXPECT_EQ(server.connections(), 3u);
      server.abort();
    }
    EXPECT_TRUE(has(server, 0));
    for (const Fd& client : clients) EXPECT_TRUE(is_closed(client));
    EXPECT_TRUE(reactor.run()) << "returns: nothing is left";
  }
}

TEST_P(Servers, DrainClosesUnlessASessionSaysOtherwise) {
  auto server = serve(reactor, "127.0.0.1:0", echo()).value();
  auto clients = connect(server, 3);
  EXPECT_TRUE(has(server, 3));
  server.drain(1h);
  EXPECT_TRUE(has(server, 0));
  for (const Fd& client : clients) EXPECT_EQ(read_to_end(client), "");
}

TEST_P(Servers, WhoComesAfterADrainIsNotAbortedByIt) {
  auto server = serve(reactor, "127.0.0.1:0", echo()).value();
  auto client = connect(server.local_endpoint());
  EXPECT_TRUE(has(server, 1));
  server.drain(20ms);
  EXPECT_TRUE(has(server, 0));
  const auto again = server.listen("127.0.0.1:0");
  const Fd late = connect(*again);
  EXPECT_TRUE(has(server, 1));
  EXPECT_TRUE(reactor.run_for(30ms));
  EXPECT_EQ(server.connections(), 1u);
}

TEST_P(Servers, SurviveWithoutDescriptors) {
  auto server = serve(reactor, "127.0.0.1:0", echo()).value();
  const auto first = connect(server.local_endpoint());
  EXPECT_TRUE(has(server, 1));
  std::vector<Fd> late = connect(server, 5);
  {
    const DescriptorFamine famine;
    EXPECT_TRUE(runs_until([&] { return server.counters().listeners.pauses > 0; }));
    EXPECT_TRUE(echoes(first));
  }
  EXPECT_GT(server.counters().listeners.shed, 0u);
  EXPECT_TRUE(echoes(connect(server.local_endpoint())));
}

TEST_P(Servers, AClientWhoResetsAtOnceHarmsNobody) {
  auto server = serve(reactor, "127.0.0.1:0", echo()).value();
  for (int i = 0; i < 50; ++i) {
    Fd rude = connect(server.local_endpoint());
    if (i % 2 == 0) run_turns(reactor, 1);
    // Whether the write succeeds or not, the client leaves.
    if (i % 3 == 0) (void)write_result(rude.get());
    close_with_reset(rude);
  }
  EXPECT_TRUE(echoes(connect(server.local_endpoint())));
  EXPECT_TRUE(has(server, 0));
}

TEST_P(Servers, AThousandClientsAtOnce) {
  if (!allow_descriptors(2'100)) GTEST_SKIP() << "too few descriptors";
  const std::string greeting = "hello";
  int sessions = 0;
  auto server = serve<Greeter>(reactor, "127.0.0.1:0", {}, greeting, sessions).value();
  {
    const auto clients = connect(server, 1'000);
    EXPECT_TRUE(has(server, 1'000));
    for (const Fd& client : clients) ASSERT_EQ(read_by_peer(client, 5), "hello");
  }
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(sessions, 0);
}

}  // namespace
}  // namespace rondo::test
