// SPDX-License-Identifier: MIT
// Connector in virtual time, with a name server that answers for one family late or never: RFC
// 8305, section 3.
#include <gtest/gtest.h>

#include <memory>
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
#include "support/names_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;
using Query = NameServer::Query;

class ConnectorEarly : public DescriptorCensus {
 private:
  std::unique_ptr<Backend> made_ = std::make_unique<JumpingBackend>(net);

 protected:
  ConnectorEarly() {
    names.server.add("server.test", "127.0.0.1");
    names.server.add("server.test", "::1");
    names.server.policy = [this](const Query& query) -> std::optional<std::string> {
      if (query.type == silent_type) {
        held.push_back(query);
        return {};
      }
      return names.server.answer_of_zone(query);
    };
  }

  void answer_held() {
    for (const Query& query : held) names.server.send(query, names.server.answer_of_zone(query));
    held.clear();
  }
  /// Connects to `port` of server.test.
  Outcome connect(std::uint16_t port, ConnectorOptions options = {}) {
    Resolver resolver{reactor, names.options()};
    Outcome outcome;
    const Connector connector{reactor, resolver, "server.test:" + std::to_string(port),
                              outcome.keeper(), std::move(options)};
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(outcome.calls, 1);
    return outcome;
  }
  static ConnectorOptions within(Duration timeout) {
    ConnectorOptions options;
    options.timeout = timeout;
    return options;
  }
  Duration passed() { return reactor.now() - start; }

  FailingNet net{system_net()};
  Reactor reactor{std::move(made_)};
  const TimePoint start = reactor.now();
  Names names{reactor};
  std::uint16_t silent_type = NameServer::type_aaaa;
  std::vector<Query> held;
};

TEST_F(ConnectorEarly, DoesNotWaitForASilentAaaa) {
  const Socket listener = listen(at("127.0.0.1:0"));
  EXPECT_EQ(connect(port_of(listener)).text(), listener.local_endpoint().value().to_string());
  EXPECT_EQ(passed(), 50ms);
}

TEST_F(ConnectorEarly, DoesNotWaitForASilentA) {
  silent_type = NameServer::type_a;
  const Socket listener = listen(at("[::1]:0"));
  EXPECT_EQ(connect(port_of(listener)).text(), listener.local_endpoint().value().to_string());
  EXPECT_EQ(passed(), 50ms);
}

TEST_F(ConnectorEarly, DoesNotWaitAtAllWhereBothAnswer) {
  silent_type = 0;
  const Socket listener = listen(at("[::1]:0"));
  EXPECT_TRUE(connect(port_of(listener)).connected());
  EXPECT_EQ(passed(), 0ms);
}

TEST_F(ConnectorEarly, DoesNotWaitWhereTheOtherFamilyHasNoAddress) {
  silent_type = 0;
  names.server.add("one.test", "127.0.0.1");
  const Socket listener = listen(at("127.0.0.1:0"));
  Resolver resolver{reactor, names.options()};
  Outcome outcome;
  const Connector connector{reactor, resolver, "one.test:" + std::to_string(port_of(listener)),
                            outcome.keeper()};
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(outcome.connected());
  EXPECT_EQ(passed(), 0ms);
}

TEST_F(ConnectorEarly, WaitsAsLongAsTheProgramWants) {
  const Socket listener = listen(at("127.0.0.1:0"));
  ConnectorOptions patient;
  patient.resolution_delay = 300ms;
  EXPECT_TRUE(connect(port_of(listener), std::move(patient)).connected());
  EXPECT_EQ(passed(), 300ms);
  ConnectorOptions at_once;
  at_once.resolution_delay = Duration::zero();
  EXPECT_TRUE(connect(port_of(listener), std::move(at_once)).connected());
  EXPECT_EQ(passed(), 300ms);
  ConnectorOptions both;
  both.resolution_delay = forever;
  EXPECT_TRUE(connect(port_of(listener), std::move(both)).connected());
  EXPECT_EQ(passed(), 2300ms) << "until try_timeout of the lookup";
}

// The listener is on IPv6 only, and its address comes 100 ms after the other one has been tried.
TEST_F(ConnectorEarly, TriesAddressesThatComeLate) {
  const Socket listener =
      make_with_port_free_at({"127.0.0.1"}, [] { return listen(at("[::1]:0")); });
  const ClosedPort closed{at("127.0.0.1:" + std::to_string(port_of(listener)))};
  Timer late{reactor, [this] { answer_held(); }};
  late.arm_after(150ms);
  EXPECT_EQ(connect(port_of(listener)).text(), listener.local_endpoint().value().to_string());
  EXPECT_EQ(passed(), 150ms);
}

TEST_F(ConnectorEarly, StartsALateAddressBesideASilentOne) {
  const auto silent =
      make_with_port_free_at({"[::1]"}, [] { return FullListener{at("127.0.0.1:0")}; });
  const Socket listener = listen(at("[::1]:" + std::to_string(silent.local.port())));
  Timer late{reactor, [this] { answer_held(); }};
  late.arm_after(100ms);
  EXPECT_TRUE(connect(port_of(listener)).connected());
  EXPECT_EQ(passed(), 300ms) << "250 ms after the first attempt, which began after 50 ms";
}

TEST_F(ConnectorEarly, IsLostOnlyWhenTheLookupHasEnded) {
  const ClosedPort closed{at("127.0.0.1:0")};
  const std::string port = ':' + std::to_string(closed.local.port());
  EXPECT_EQ(connect(closed.local.port()).text(),
            "connect to server.test" + port + ": 127.0.0.1" + port + ": Connection refused");
  EXPECT_EQ(passed(), 2s);
  EXPECT_EQ(net.calls("connect"), 2) << "one to the name server";
}

TEST_F(ConnectorEarly, MayEndAtItsDeadlineBetweenTheAnswers) {
  const ClosedPort closed{at("127.0.0.1:0")};
  const Outcome outcome = connect(closed.local.port(), within(1s));
  const std::string port = ':' + std::to_string(closed.local.port());
  EXPECT_EQ(outcome.error(), std::errc::timed_out);
  EXPECT_EQ(outcome.text(), "connect to server.test" + port + ": 127.0.0.1" + port +
                                ": Connection refused; resolve server.test: Connection timed out");
  EXPECT_EQ(passed(), 1s);
}

TEST_F(ConnectorEarly, MayEndAtItsDeadlineBetweenTheAnswersOfEitherFamily) {
  silent_type = NameServer::type_a;
  const ClosedPort closed{at("[::1]:0")};
  const std::string port = ':' + std::to_string(closed.local.port());
  EXPECT_EQ(connect(closed.local.port(), within(1s)).text(),
            "connect to server.test" + port + ": [::1]" + port +
                ": Connection refused; resolve server.test: Connection timed out");
}

TEST_F(ConnectorEarly, ListsASilentAddressBeforeTheLookupThatTimedOut) {
  const FullListener silent{at("127.0.0.1:0")};
  const std::string port = ':' + std::to_string(silent.local.port());
  EXPECT_EQ(connect(silent.local.port(), within(1s)).text(),
            "connect to server.test" + port + ": 127.0.0.1" + port +
                ": Connection timed out; resolve server.test: Connection timed out");
}

TEST_F(ConnectorEarly, SaysThatTheLookupTimedOutIfNoAnswerCame) {
  names.server.policy = [](const Query&) { return std::optional<std::string>{}; };
  const Outcome outcome = connect(80, within(1s));
  EXPECT_EQ(outcome.error(), std::errc::timed_out);
  EXPECT_EQ(outcome.text(), "connect to server.test:80: resolve server.test: Connection timed out");
}

TEST_F(ConnectorEarly, MayBeDestroyedBetweenTheAnswers) {
  const FullListener silent{at("127.0.0.1:0")};
  Resolver resolver{reactor, names.options()};
  Outcome outcome;
  auto connector = std::make_unique<Connector>(
      reactor, resolver, "server.test:" + std::to_string(silent.local.port()), outcome.keeper());
  Timer end{reactor, [&] {
              connector.reset();
              answer_held();
            }};
  end.arm_after(60ms);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(outcome.calls, 0);
}

TEST_F(ConnectorEarly, TheDelayIsAnOptionOfAStreamToo) {
  struct Client final : StreamHandler {
    void on_open(Stream& stream) override { stream.abort(); }
    void on_data(Stream&, Bytes) override {}
  } client;
  const Socket listener = listen(at("127.0.0.1:0"));
  Resolver resolver{reactor, names.options()};
  ConnectOptions options;
  options.resolver = &resolver;
  options.resolution_delay = 20ms;
  const std::string target = "server.test:" + std::to_string(port_of(listener));
  const auto stream = rondo::connect(reactor, target, client, options);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(passed(), 20ms);
}

}  // namespace
}  // namespace rondo::test
