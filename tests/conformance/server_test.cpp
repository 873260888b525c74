// SPDX-License-Identifier: MIT
// Servers: which clients they accept, and where they listen. How they end: see drain_test.cpp.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rondo/server.h>
#include <rondo/text_stream.h>

#include "support/server_fixture.h"

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

/// Greets each client with the port of its address.
struct KnowsItsPeer final : Session {
  KnowsItsPeer(const Endpoint& peer, const std::string& greeting)
      : text(greeting + std::to_string(peer.port())) {}
  void on_open(Stream& client) override { client.write(text); }
  void on_data(Stream&, Bytes) override {}
  const std::string text;
};

struct LinesKnowTheirPeer final : LineSession {
  explicit LinesKnowTheirPeer(const Endpoint& peer) : port(peer.port()) {}
  void on_line(TextStream& client, std::string_view) override {
    client.write_line(std::to_string(port));
  }
  const std::uint16_t port;
};

class Servers : public ServersOnEveryBackend {};
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

TEST_P(Servers, MayBeDestroyedByAFactoryThatHasSetTheHandler) {
  StreamRecorder calls;
  std::optional<Server> server;
  server.emplace(serve(reactor, "127.0.0.1:0",
                       [&](Stream& stream, const Endpoint&) -> std::unique_ptr<Session> {
                         stream.set_handler(calls);
                         server.reset();
                         return nullptr;
                       })
                     .value());
  const Fd client = connect(server->local_endpoint());
  EXPECT_TRUE(runs_until([&] { return !server; }));
  run_on();
  EXPECT_EQ(calls.closes, 0);
  EXPECT_EQ(read_to_end(client), "");
}

TEST_P(Servers, MakeNoSystemCallForOptionsOfAcceptedSockets) {
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
  EXPECT_NE(server.local_endpoint().port(), 0) << "the system chooses the port";
  const auto clients = connect(server, 3);
  EXPECT_TRUE(has(server, 3));
  for (const Fd& client : clients) EXPECT_EQ(read_by_peer(client, 5), "hello");
  EXPECT_EQ(sessions, 3);
  EXPECT_EQ(server.counters().accepted, 3u);
  EXPECT_TRUE(echoes(clients[1]));
}

TEST_P(Servers, ASessionMayGetTheAddressOfItsPeer) {
  const std::string greeting = "you are at port ";
  auto server = serve<KnowsItsPeer>(reactor, "127.0.0.1:0", {}, greeting).value();
  auto lines = serve<LinesKnowTheirPeer>(reactor, "127.0.0.1:0").value();
  const auto port_of = [](const Fd& fd) {
    Endpoint local;
    EXPECT_EQ(kernel().net().local_endpoint(fd.get(), local), 0);
    return std::to_string(local.port());
  };
  for (const Fd& client : connect(server, 2)) {
    const std::string expected = greeting + port_of(client);
    EXPECT_EQ(read_by_peer(client, expected.size()), expected);
  }
  const Fd client = connect(lines.local_endpoint());
  EXPECT_TRUE(has(lines, 1));
  write_all(client.get(), "my port?\n");
  const std::string expected = port_of(client) + "\n";
  EXPECT_EQ(read_by_peer(client, expected.size()), expected);
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

TEST_P(Servers, NameTheAddressThatTheyCannotListenOn) {
  const auto held = serve(reactor, "127.0.0.1:0", echo()).value();
  const auto taken = serve(reactor, held.local_endpoint().to_string(), echo());
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, std::errc::address_in_use);
  EXPECT_NE(taken.error().message().find(held.local_endpoint().to_string()), std::string::npos);
  EXPECT_FALSE(serve(reactor, "nonsense", echo()));
}

TEST_P(Servers, ListenOnLocalhostByItsName) {
  const auto server = serve(reactor, "localhost:0", echo()).value();
  ASSERT_FALSE(server.local_endpoints().empty());
  const std::uint16_t port = server.local_endpoint().port();
  EXPECT_EQ(server.local_endpoint(), Endpoint::loopback(port));
  if (server.local_endpoints().size() == 2) {  // this system has IPv6
    EXPECT_EQ(server.local_endpoints()[1], Endpoint::loopback(port, AddressFamily::ipv6));
  }
  for (const Endpoint& local : server.local_endpoints()) EXPECT_TRUE(echoes(connect(local)));
  const auto taken = serve(reactor, "localhost:" + std::to_string(port), echo());
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, std::errc::address_in_use);
}

// The port that the system has chosen for IPv4 may be in use with IPv6.
TEST_P(Servers, ListenOnAnotherPortOfLocalhostIfOneIsTaken) {
  net.fail("bind", EADDRINUSE, 1, 1);
  const auto server = serve(reactor, "localhost:0", echo());
  ASSERT_TRUE(server);
  const std::size_t count = server->local_endpoints().size();
  EXPECT_EQ(net.calls("bind"), count == 2 ? 4 : 1);
  EXPECT_TRUE(echoes(connect(server->local_endpoints().back())));
  net.fail("bind", EADDRINUSE, 100, 1);
  EXPECT_EQ(serve(reactor, "localhost:0", echo()).has_value(), count == 1) << "it ends";
}

TEST_P(Servers, DoNotListenOnOtherNames) {
  EXPECT_EQ(serve(reactor, "example.org:0", echo()).error().message(),
            "listen on example.org:0: neither an address nor localhost; a Resolver finds the "
            "addresses of a name: Invalid argument");
  EXPECT_FALSE(serve(reactor, "localhost", echo()));
  EXPECT_FALSE(serve(reactor, "localhost:", echo()));
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
  EXPECT_FALSE(serve(reactor, name, echo())) << "a file that is not a socket is not touched";
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

TEST_P(Servers, CountTheConnectionsOfAnAddressExactly) {
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

TEST_P(Servers, ALimitOfZeroMeansNone) {
  auto refusing = serve(reactor, "127.0.0.1:0", echo(), {.connections_per_address_max = 0}).value();
  EXPECT_TRUE(is_closed(connect(refusing.local_endpoint())));
  EXPECT_EQ(refusing.counters().refused, 1u);
  auto rejecting =
      serve(reactor, "127.0.0.1:0", echo(), {.connections_max = 0, .when_full = WhenFull::reject})
          .value();
  EXPECT_TRUE(is_closed(connect(rejecting.local_endpoint())));
  EXPECT_EQ(rejecting.counters().refused, 1u);
  auto pausing = serve(reactor, "127.0.0.1:0", echo(), {.connections_max = 0}).value();
  const Fd waiting = connect(pausing.local_endpoint());
  run_on();
  EXPECT_EQ(pausing.counters().listeners.accepted, 0u);
}

TEST_P(Servers, AListenerThatIsAddedToAFullServerWaitsToo) {
  auto server = serve(reactor, "127.0.0.1:0", echo(), {.connections_max = 1}).value();
  Fd first = connect(server.local_endpoint());
  EXPECT_TRUE(has(server, 1));
  const auto later = server.listen("127.0.0.1:0");
  const Fd second = connect(*later);
  run_on();
  EXPECT_EQ(server.counters().listeners.accepted, 1u);
  EXPECT_EQ(server.counters().refused, 0u);
  first.close();
  EXPECT_TRUE(echoes(second));
}

TEST_P(Servers, LeaveClientsInTheQueueUntilThereIsRoom) {
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

TEST_P(Servers, RejectClientsWhenFull) {
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

TEST_P(Servers, KeepTheirConnectionsWhenTheyStopAccepting) {
  auto server = serve(reactor, "127.0.0.1:0", echo()).value();
  auto client = connect(server.local_endpoint());
  EXPECT_TRUE(has(server, 1));
  server.stop_accepting();
  EXPECT_TRUE(echoes(client));
  client.close();
  EXPECT_TRUE(has(server, 0));
  EXPECT_TRUE(reactor.run()) << "returns: nothing is left";
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

TEST_P(Servers, AreNotHarmedByClientsThatResetAtOnce) {
  auto server = serve(reactor, "127.0.0.1:0", echo()).value();
  for (int i = 0; i < 50; ++i) {
    Fd rude = connect(server.local_endpoint());
    if (i % 2 == 0) run_turns(reactor, 1);
    // The result does not matter: the client leaves in any case.
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
