// SPDX-License-Identifier: MIT
// Resolver in virtual time: silent servers, tries and deadlines.
#include <gtest/gtest.h>

#include <memory>

#include <rondo/reactor.h>
#include <rondo/resolver.h>
#include <rondo/timer.h>

#include "support/descriptor_census.h"
#include "support/jumping_backend.h"
#include "support/names_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

class ResolverTimeTest : public DescriptorCensus {
 private:
  std::unique_ptr<Backend> made_ = std::make_unique<JumpingBackend>(system_net());

 protected:
  ResolverTimeTest() {
    options = names.options();
    options.try_timeout = 2s;
    options.tries = 2;
    options.timeout = 60s;
  }

  static std::optional<std::string> silence(const NameServer::Query&) { return {}; }
  Duration passed() { return reactor.now() - start; }

  Reactor reactor{std::move(made_)};
  const TimePoint start = reactor.now();
  Names names{reactor};
  ResolverOptions options;
};

TEST_F(ResolverTimeTest, GivesUpOnASilentServerAfterItsTries) {
  names.server.policy = silence;
  Resolver resolver{reactor, options};
  const Ending ending = names.look_up(resolver, "example.org");
  EXPECT_EQ(ending.texts(), Texts{"resolve example.org: No name server answered in time"});
  EXPECT_EQ(ending.error(), std::errc::timed_out);
  EXPECT_EQ(passed(), 4s);
  EXPECT_EQ(names.server.queries.size(), 4U);
}

TEST_F(ResolverTimeTest, DoesNotWaitForAServerThatDoesNotExist) {
  {
    Socket socket = Socket::make(system_net(), AddressFamily::ipv4, SocketType::datagram).value();
    ASSERT_EQ(system_net().bind(socket.fd(), Endpoint::loopback(0)), 0);
    options.name_servers = {socket.local_endpoint().value()};
  }
  Resolver resolver{reactor, options};
  EXPECT_EQ(names.look_up(resolver, "example.org").error(), ResolveError::no_name_server);
  EXPECT_EQ(passed(), 0s);
}

TEST_F(ResolverTimeTest, AsksAgainAfterALostQuery) {
  names.server.add("example.org", "127.0.0.2");
  names.server.policy = [&](const NameServer::Query& query) -> std::optional<std::string> {
    if (names.server.queries.size() <= 2) return {};
    return names.server.answer_of_zone(query);
  };
  Resolver resolver{reactor, options};
  EXPECT_EQ(names.look_up(resolver, "example.org").texts(), Texts{"127.0.0.2:80"});
  EXPECT_EQ(passed(), 2s);
}

TEST_F(ResolverTimeTest, AcceptsOneFamilyAfterATry) {
  names.server.add("example.org", "127.0.0.2");
  names.server.policy = [&](const NameServer::Query& query) -> std::optional<std::string> {
    if (query.type == NameServer::type_aaaa) return {};
    return names.server.answer_of_zone(query);
  };
  Resolver resolver{reactor, options};
  EXPECT_EQ(names.look_up(resolver, "example.org").texts(), Texts{"127.0.0.2:80"});
  EXPECT_EQ(passed(), 2s);
  EXPECT_EQ(names.server.queries.size(), 2U);
}

TEST_F(ResolverTimeTest, AsksServersInTurnAndStaysWithTheOneThatAnswers) {
  NameServer second{reactor};
  second.add("example.org", "127.0.0.2");
  names.server.policy = silence;
  options.name_servers.push_back(second.endpoint());
  Resolver resolver{reactor, options};
  EXPECT_EQ(names.look_up(resolver, "example.org").texts(), Texts{"127.0.0.2:80"});
  EXPECT_EQ(passed(), 2s);
  EXPECT_EQ(names.look_up(resolver, "example.org").texts(), Texts{"127.0.0.2:80"});
  EXPECT_EQ(passed(), 2s);
  EXPECT_EQ(names.server.queries.size(), 2U);

  second.policy = silence;
  EXPECT_EQ(names.look_up(resolver, "example.org").error(), ResolveError::timed_out);
  EXPECT_EQ(passed(), 10s);
  EXPECT_EQ(names.server.queries.size(), 6U);
  EXPECT_EQ(second.queries.size(), 8U);
}

TEST_F(ResolverTimeTest, EndsALookupAtItsDeadline) {
  names.server.policy = silence;
  options.timeout = 3s;
  options.in_flight_max = 1;
  Resolver resolver{reactor, options};
  Ending asking;
  Ending waiting;
  const Lookup first = resolver.resolve("example.org", 1, asking.keeper());
  const Lookup second = resolver.resolve("example.org", 1, waiting.keeper());
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(passed(), 3s);
  EXPECT_EQ(asking.error(), ResolveError::timed_out);
  EXPECT_EQ(waiting.error(), ResolveError::timed_out);
  EXPECT_EQ(asking.calls + waiting.calls, 2);
}

TEST_F(ResolverTimeTest, DoesNotCountThoseThatAreAnsweredAsWaiting) {
  names.server.policy = silence;
  options.timeout = 3s;
  options.in_flight_max = 1;
  options.waiting_max = 1;
  Resolver resolver{reactor, options};
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(names.look_up(resolver, "127.0.0.1").texts(), Texts{"127.0.0.1:80"});
  Ending asking;
  Ending waiting;
  const Lookup first = resolver.resolve("example.org", 1, asking.keeper());
  const Lookup second = resolver.resolve("example.org", 1, waiting.keeper());
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(waiting.error(), ResolveError::timed_out) << "not too_many";
}

TEST_F(ResolverTimeTest, FailsAtOnceWithoutTime) {
  names.server.add("example.org", "127.0.0.2");
  options.timeout = Duration::zero();
  Resolver without_time{reactor, options};
  EXPECT_EQ(names.look_up(without_time, "example.org").error(), ResolveError::timed_out);
  EXPECT_EQ(names.look_up(without_time, "127.0.0.1").texts(), Texts{"127.0.0.1:80"});
  options.timeout = 60s;
  options.try_timeout = Duration::zero();
  names.server.policy = silence;
  Resolver without_tries{reactor, options};
  EXPECT_EQ(names.look_up(without_tries, "example.org").error(), ResolveError::timed_out);
  EXPECT_EQ(passed(), 0s);
}

TEST_F(ResolverTimeTest, MayWaitForever) {
  names.server.add("example.org", "127.0.0.2");
  options.timeout = forever;
  options.in_flight_max = options.waiting_max = unlimited;
  Resolver patient{reactor, options};
  EXPECT_EQ(names.look_up(patient, "example.org").texts(), Texts{"127.0.0.2:80"});
  names.server.policy = silence;
  EXPECT_EQ(names.look_up(patient, "example.org").error(), ResolveError::timed_out);
  EXPECT_EQ(passed(), 4s);  // both tries
}

TEST_F(ResolverTimeTest, DoesNotMixALateAnswerIntoTheNextLookup) {
  names.server.add("old.example.org", "127.0.0.2");
  names.server.add("new.example.org", "127.0.0.3");
  std::optional<NameServer::Query> late;
  names.server.policy = [&](const NameServer::Query& query) -> std::optional<std::string> {
    if (query.name == "old.example.org") {
      late = query;
      return {};
    }
    if (late) names.server.send(*late, names.server.answer_of_zone(*late));
    return names.server.answer_of_zone(query);
  };
  options.timeout = 1s;
  Resolver resolver{reactor, options};
  EXPECT_EQ(names.look_up(resolver, "old.example.org").error(), ResolveError::timed_out);
  EXPECT_EQ(names.look_up(resolver, "new.example.org").texts(), Texts{"127.0.0.3:80"});
}

}  // namespace
}  // namespace rondo::test
