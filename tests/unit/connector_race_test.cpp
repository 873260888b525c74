// SPDX-License-Identifier: MIT
// Connector in virtual time: which address is tried when, and what the deadline does.
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include <rondo/client.h>
#include <rondo/connector.h>
#include <rondo/reactor.h>
#include <rondo/resolver.h>
#include <rondo/timer.h>

#include "support/connect_fixture.h"
#include "support/descriptor_census.h"
#include "support/failing_net.h"
#include "support/jumping_backend.h"
#include "support/temporary_file.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class ConnectorRace : public DescriptorCensus {
 private:
  std::unique_ptr<JumpingBackend> made_ = std::make_unique<JumpingBackend>(net);

 protected:
  Duration passed() { return reactor.now() - start; }
  Outcome race(std::vector<Endpoint> peers, ConnectorOptions options = {}) {
    Outcome outcome;
    const Connector connector{reactor, std::move(peers), outcome.keeper(), std::move(options)};
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(outcome.calls, 1);
    return outcome;
  }

  FailingNet net{system_net()};
  JumpingBackend* const backend = made_.get();
  Reactor reactor{std::unique_ptr<Backend>{std::move(made_)}};
  const TimePoint start = reactor.now();
};

TEST_F(ConnectorRace, TriesTheNextAddressAfterTheStagger) {
  const FullListener silent{at("127.0.0.1:0")};
  const Socket open = listen(at("127.0.0.2:0"));
  const Endpoint winner = open.local_endpoint().value();
  const std::size_t before = open_descriptors().size();
  const Outcome outcome = race({silent.local, silent.local, winner});
  EXPECT_EQ(outcome.text(), winner.to_string());
  EXPECT_EQ(passed(), 500ms);
  EXPECT_EQ(open_descriptors().size(), before + 1) << "the losers are closed";
}

TEST_F(ConnectorRace, TriesTheNextAddressAtOnceWhereOneFails) {
  const ClosedPort closed{at("127.0.0.1:0")};
  const FullListener silent{at("127.0.0.1:0")};
  const Socket open = listen(at("127.0.0.2:0"));
  EXPECT_TRUE(
      race({closed.local, closed.local, silent.local, open.local_endpoint().value()}).connected());
  EXPECT_EQ(passed(), 250ms);
}

TEST_F(ConnectorRace, PrefersTheFirstThatConnects) {
  const Socket first = listen(at("127.0.0.1:0"));
  const Socket second = listen(at("127.0.0.2:0"));
  EXPECT_EQ(race({first.local_endpoint().value(), second.local_endpoint().value()}).text(),
            first.local_endpoint().value().to_string());
  EXPECT_EQ(passed(), 0s);
  EXPECT_EQ(net.calls("connect"), 1);
}

TEST_F(ConnectorRace, EndsAtItsDeadlineAndListsThoseThatWereSilent) {
  const FullListener silent{at("127.0.0.1:0")};
  const ClosedPort closed{at("127.0.0.1:0")};
  ConnectorOptions options;
  options.timeout = 7s;
  const Outcome outcome = race({closed.local, silent.local}, std::move(options));
  EXPECT_EQ(passed(), 7s);
  EXPECT_EQ(outcome.error(), std::errc::timed_out);
  EXPECT_EQ(outcome.text(), "connect to one of 2 addresses: " + closed.local.to_string() +
                                ": Connection refused; " + silent.local.to_string() +
                                ": Connection timed out");
}

TEST_F(ConnectorRace, TriesAllAtOnceOrOneAfterTheOther) {
  const FullListener silent{at("127.0.0.1:0")};
  const Socket open = listen(at("127.0.0.2:0"));
  ConnectorOptions options;
  options.stagger = Duration::zero();
  EXPECT_TRUE(race({silent.local, silent.local, open.local_endpoint().value()}, std::move(options))
                  .connected());
  EXPECT_EQ(passed(), 0s);
  options = {};
  options.stagger = forever;
  EXPECT_EQ(race({silent.local, open.local_endpoint().value()}, std::move(options)).error(),
            std::errc::timed_out);
  EXPECT_EQ(passed(), 30s);
}

TEST_F(ConnectorRace, BoundsTheAttemptsInFlight) {
  const FullListener silent{at("127.0.0.1:0")};
  ConnectorOptions options;
  options.timeout = 10s;
  options.in_flight_max = 2;
  const Outcome outcome = race(std::vector<Endpoint>(5, silent.local), std::move(options));
  EXPECT_EQ(outcome.error(), std::errc::timed_out);
  EXPECT_EQ(net.calls("connect"), 2);
  const std::string where = silent.local.to_string();
  EXPECT_EQ(outcome.text(), "connect to one of 5 addresses: " + where + ": Connection timed out; " +
                                where + ": Connection timed out")
      << "lists only what was tried";
}

// Eight attempts in flight were once the limit: a ninth address was never tried.
TEST_F(ConnectorRace, TriesANewAddressEveryStaggerWhileAllOthersAreSilent) {
  const FullListener silent{at("127.0.0.1:0")};
  const Socket open = listen(at("127.0.0.2:0"));
  std::vector<Endpoint> peers(80, silent.local);
  peers.push_back(open.local_endpoint().value());
  EXPECT_EQ(race(std::move(peers)).text(), open.local_endpoint().value().to_string());
  EXPECT_EQ(passed(), 80 * 250ms);
}

TEST_F(ConnectorRace, OfAStreamHasTheSameLimits) {
  struct Client final : StreamHandler {
    void on_open(Stream& stream) override {
      opened = true;
      stream.abort();
    }
    void on_data(Stream&, Bytes) override {}
    bool opened = false;
  };
  std::vector<std::string> addresses;
  for (int i = 2; i <= 9; ++i) addresses.push_back("127.0.0." + std::to_string(i));
  const auto silent =
      make_with_port_free_at(addresses, [] { return FullListener{at("127.0.0.1:0")}; });
  const Socket open = listen(at("127.0.0.9:" + std::to_string(silent.local.port())));
  std::string hosts;
  for (int i = 1; i <= 9; ++i) hosts += "127.0.0." + std::to_string(i) + " server.test\n";
  const TemporaryFile file{hosts};
  std::vector<FullListener> others;
  for (int i = 2; i <= 8; ++i) {
    others.emplace_back(
        at("127.0.0." + std::to_string(i) + ':' + std::to_string(silent.local.port())));
  }
  ResolverOptions names;
  names.hosts_path = file.path();
  Resolver resolver{reactor, std::move(names)};
  const auto opens = [&](const ConnectOptions& limits) {
    ConnectOptions options = limits;
    options.resolver = &resolver;
    Client client;
    const std::string target = "server.test:" + std::to_string(silent.local.port());
    const auto stream = rondo::connect(reactor, target, client, options);
    EXPECT_TRUE(reactor.run());
    return client.opened;
  };
  EXPECT_TRUE(opens({}));
  EXPECT_EQ(passed(), 8 * 250ms);
  EXPECT_FALSE(opens({.addresses_max = 8}));
  EXPECT_FALSE(opens({.in_flight_max = 8}));
}

TEST_F(ConnectorRace, BoundsTheAddressesTried) {
  const ClosedPort closed{at("127.0.0.1:0")};
  ConnectorOptions options;
  options.addresses_max = 3;
  EXPECT_EQ(race(std::vector<Endpoint>(10, closed.local), std::move(options)).error(),
            std::errc::connection_refused);
  EXPECT_EQ(net.calls("connect"), 3);
}

TEST_F(ConnectorRace, LetsTheFamiliesTakeTurnsInTheOrderOfTheirAddresses) {
  const TemporaryFile hosts{
      "127.0.0.1 server.test\n127.0.0.2 server.test\n::2 server.test\n::1 server.test\n"};
  ResolverOptions names;
  names.hosts_path = hosts.path();
  Resolver resolver{reactor, std::move(names)};
  net.fail("connect", ENETUNREACH, 100);  // so that their order does not depend on this host
  Outcome outcome;
  const Connector connector{reactor, resolver, "server.test:80", outcome.keeper()};
  EXPECT_TRUE(reactor.run());
  const std::string why = ": Network is unreachable";
  EXPECT_EQ(outcome.text(), "connect to server.test:80: 127.0.0.1:80" + why + "; [::2]:80" + why +
                                "; 127.0.0.2:80" + why + "; [::1]:80" + why);
}

TEST_F(ConnectorRace, GivesTheMostTellingOfItsErrors) {
  const ClosedPort closed{at("127.0.0.1:0")};
  net.fail("connect", ENETUNREACH, 1);
  const Outcome outcome = race({at("127.0.0.2:1"), closed.local, at("[::1]:0")});
  EXPECT_EQ(outcome.error(), std::errc::connection_refused);
  EXPECT_TRUE(outcome.text().ends_with(": Connection refused")) << outcome.text();
}

TEST_F(ConnectorRace, WaitsForRoomInTheQueueOfAUnixListener) {
  const Endpoint name = at("unix:@rondo-race-" + std::to_string(::getpid()));
  Socket listener = listen(name, 0);
  const Socket first = Socket::connect(system_net(), name).value();
  Timer makes_room{reactor, [&] { EXPECT_TRUE(listener.accept()); }};
  makes_room.arm_after(1s);
  EXPECT_EQ(race({name}).text(), name.to_string());
  EXPECT_GE(passed(), 1s);
  EXPECT_LE(passed(), 1s + 20ms);
  EXPECT_LE(net.calls("connect"), 102);
}

TEST_F(ConnectorRace, EndsAtItsDeadlineWhereAUnixListenerNeverHasRoom) {
  const Endpoint name = at("unix:@rondo-race-" + std::to_string(::getpid()));
  Socket listener = listen(name, 0);
  const Socket first = Socket::connect(system_net(), name).value();
  EXPECT_EQ(race({name}).text(), "connect to " + name.to_string() + ": Connection timed out");
  EXPECT_EQ(passed(), 30s);
}

TEST_F(ConnectorRace, TriesTheNextAddressBesideAUnixListenerWithoutRoom) {
  const std::string prefix = "unix:@rondo-race-" + std::to_string(::getpid());
  const Socket full = listen(at(prefix), 0);
  const Socket first = Socket::connect(system_net(), at(prefix)).value();
  const Socket open = listen(at(prefix + "-open"));
  EXPECT_EQ(race({at(prefix), at(prefix + "-open")}).text(), prefix + "-open");
  EXPECT_EQ(passed(), 250ms);
}

// A stagger that makes no sense neither spins nor keeps an address from being tried.
TEST_F(ConnectorRace, TakesANegativeStaggerForZero) {
  const FullListener silent{at("127.0.0.1:0")};
  ConnectorOptions options;
  options.stagger = -1s;
  options.timeout = 1s;
  EXPECT_EQ(race(std::vector<Endpoint>(3, silent.local), std::move(options)).error(),
            std::errc::timed_out);
  EXPECT_EQ(net.calls("connect"), 3);
  EXPECT_LE(backend->waits, 10);
}

TEST_F(ConnectorRace, NamesAtItsDeadlineTheUnixListenerWithoutRoom) {
  const std::string prefix = "unix:@rondo-race-" + std::to_string(::getpid());
  const Endpoint full = at(prefix);
  const Endpoint closed = at(prefix + "-closed");
  Socket listener = listen(full, 0);
  const Socket first = Socket::connect(system_net(), full).value();
  EXPECT_EQ(race({closed, full}).text(), "connect to one of 2 addresses: " + closed.to_string() +
                                             ": Connection refused; " + full.to_string() +
                                             ": Connection timed out");
}

TEST_F(ConnectorRace, TriesOneAddressAtLeast) {
  const Socket open = listen(at("127.0.0.1:0"));
  ConnectorOptions options;
  options.addresses_max = 0;
  options.in_flight_max = 0;
  EXPECT_TRUE(race({open.local_endpoint().value()}, std::move(options)).connected());
}

// Not at its deadline, which it has not.
TEST_F(ConnectorRace, EndsAfterAThrowForItsLastAddress) {
  ConnectorOptions options;
  options.timeout = forever;
  options.stagger = forever;
  int prepared = 0;
  options.prepare = [&](Socket&, const Endpoint&) -> Result<void> {
    if (++prepared != 2) throw 1;
    return Error{std::make_error_code(std::errc::no_protocol_option), "prepare it"};
  };
  Outcome outcome;
  const Endpoint peer = at("127.0.0.1:1");
  const Connector connector{reactor, std::vector<Endpoint>(3, peer), outcome.keeper(),
                            std::move(options)};
  EXPECT_THROW(EXPECT_TRUE(reactor.run()), int);
  EXPECT_THROW(EXPECT_TRUE(reactor.run()), int);
  EXPECT_TRUE(reactor.run());
  const std::string address = peer.to_string();
  EXPECT_EQ(outcome.text(), "connect to one of 3 addresses: " + address +
                                ": prepare it: Protocol not available; " + address +
                                ": Operation canceled; " + address + ": Operation canceled");
}

}  // namespace
}  // namespace rondo::test
