// SPDX-License-Identifier: MIT
// Resolver: the answers of the hosts file and of a name server that the test plays.
#include <rondo/resolver.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>

#include <rondo/client.h>

#include "support/failing_net.h"
#include "support/names_fixture.h"
#include "support/on_every_backend.h"
#include "support/run_until.h"
#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

using Texts = std::vector<std::string>;

class ResolverTest : public ReactorOnEveryBackend {
 protected:
  Names names{reactor};
};

RONDO_ON_EVERY_BACKEND(ResolverTest);

Texts sorted(Texts texts) {
  std::sort(texts.begin(), texts.end());
  return texts;
}

TEST_P(ResolverTest, GivesTheAddressesOfBothFamilies) {
  names.server.add("example.org", "127.0.0.2");
  names.server.add("example.org", "::1");
  EXPECT_EQ(sorted(names.look_up("example.org").texts()), (Texts{"127.0.0.2:80", "[::1]:80"}));
  EXPECT_EQ(names.server.queries.size(), 2U);
}

TEST_P(ResolverTest, GivesTheAddressesOfOneFamily) {
  names.server.add("example.org", "127.0.0.2");
  names.server.add("example.org", "::1");
  EXPECT_EQ(names.look_up("example.org", 1, AddressFamily::ipv6).texts(), Texts{"[::1]:1"});
  EXPECT_EQ(names.look_up("Example.ORG.", 2, AddressFamily::ipv4).texts(), Texts{"127.0.0.2:2"});
  EXPECT_EQ(names.server.queries.size(), 2U);
}

TEST_P(ResolverTest, NamesWhatWasNotFound) {
  const Ending ending = names.look_up("nowhere.example.org");
  EXPECT_EQ(ending.texts(), Texts{"resolve nowhere.example.org: Domain name not found"});
  EXPECT_EQ(ending.error(), ResolveError::host_not_found);
  EXPECT_FALSE(is_temporary_name_error(ending.error()));
}

TEST_P(ResolverTest, DistinguishesANameWithoutAddressFromNoName) {
  names.server.add("four.example.org", "127.0.0.2");
  EXPECT_EQ(names.look_up("four.example.org", 80, AddressFamily::ipv6).error(),
            ResolveError::no_address);
}

TEST_P(ResolverTest, FollowsAnAlias) {
  names.server.add("real.example.org", "127.0.0.3");
  names.server.add_alias("alias.example.org", "real.example.org");
  EXPECT_EQ(names.look_up("alias.example.org").texts(), Texts{"127.0.0.3:80"});
}

TEST_P(ResolverTest, AsksAgainOverTcpIfAnAnswerIsTruncated) {
  for (int i = 1; i <= 20; ++i)
    names.server.add("many.example.org", "127.0.1." + std::to_string(i));
  int truncated = 0;
  names.server.policy = [&](const NameServer::Query& query) {
    if (query.tcp) return names.server.answer_of_zone(query);
    ++truncated;
    return NameServer::reply(query, 0, {}, true);
  };
  EXPECT_EQ(names.look_up("many.example.org").texts().size(), 20U);
  EXPECT_EQ(truncated, 2);
}

TEST_P(ResolverTest, LimitsTheAddressesOfAName) {
  for (std::size_t i = 0; i <= Resolver::addresses_per_family_max; ++i) {
    names.server.add("many.example.org", "127.0.1." + std::to_string(i + 1));
  }
  names.server.policy = [&](const NameServer::Query& query) {
    return query.tcp ? names.server.answer_of_zone(query) : NameServer::reply(query, 0, {}, true);
  };
  EXPECT_EQ(names.look_up("many.example.org").texts().size(), Resolver::addresses_per_family_max);
}

TEST_P(ResolverTest, IgnoresGarbageBeforeTheAnswer) {
  names.server.add("example.org", "127.0.0.2");
  names.server.policy = [&](const NameServer::Query& query) {
    NameServer::Query other = query;
    other.packet[0] = static_cast<char>(other.packet[0] ^ 1);
    names.server.send(query, "");
    names.server.send(query, "?");
    names.server.send(query, std::string(511, '\xff'));
    names.server.send(query, names.server.answer_of_zone(other));  // the answer to another query
    for (int i = 0; i < 100; ++i) names.server.send(query, query.packet.substr(0, 12));
    return names.server.answer_of_zone(query);
  };
  EXPECT_EQ(names.look_up("example.org").texts(), Texts{"127.0.0.2:80"});
  EXPECT_EQ(names.server.queries.size(), 2U);
}

TEST_P(ResolverTest, ReportsAnAnswerThatMakesNoSense) {
  names.server.policy = [&](const NameServer::Query& query) {
    std::string packet = NameServer::reply(query, 0, {{query.type, "abcd"}});
    packet.resize(packet.size() - 3);
    return packet;
  };
  const Ending ending = names.look_up("example.org");
  EXPECT_EQ(ending.error(), ResolveError::bad_answer);
  EXPECT_TRUE(is_temporary_name_error(ending.error()));
}

TEST_P(ResolverTest, ReportsAServerThatFails) {
  names.server.policy = [](const NameServer::Query& query) { return NameServer::reply(query, 2); };
  EXPECT_EQ(names.look_up("example.org").error(), ResolveError::server_failed);
  names.server.policy = [](const NameServer::Query& query) { return NameServer::reply(query, 5); };
  EXPECT_EQ(names.look_up("example.org").error(), ResolveError::refused);
}

TEST_P(ResolverTest, AsksTheNextServerWhereOneFails) {
  NameServer second{reactor};
  second.add("example.org", "127.0.0.9");
  names.server.policy = [](const NameServer::Query& query) { return NameServer::reply(query, 2); };
  ResolverOptions options = names.options();
  options.name_servers.push_back(second.endpoint());
  Resolver resolver{reactor, std::move(options)};
  EXPECT_EQ(names.look_up(resolver, "example.org").texts(), Texts{"127.0.0.9:80"});
}

TEST_P(ResolverTest, ReportsThatNoServerIsThere) {
  ResolverOptions options = names.options();
  {
    Socket socket = Socket::make(kernel().net(), AddressFamily::ipv4, SocketType::datagram).value();
    ASSERT_EQ(kernel().net().bind(socket.fd(), Endpoint::loopback(0)), 0);
    options.name_servers = {socket.local_endpoint().value()};
  }
  Resolver resolver{reactor, std::move(options)};
  EXPECT_EQ(names.look_up(resolver, "example.org").error(), ResolveError::no_name_server);
}

TEST_P(ResolverTest, GivesUpOnAServerThatNeverAnswersAtTheDeadline) {
  names.server.policy = [](const NameServer::Query&) { return std::optional<std::string>{}; };
  ResolverOptions patient = names.options();
  patient.try_timeout = std::chrono::hours{2};
  patient.timeout = std::chrono::hours{1};
  Resolver resolver{reactor, std::move(patient)};
  StreamRecorder client;
  const auto stream = rondo::connect(reactor, "example.org:80", client,
                                     {.timeout = std::chrono::minutes{30}, .resolver = &resolver});
  Ending ending;
  const Lookup lookup = resolver.resolve("example.net", 80, ending.keeper());
  ASSERT_TRUE(run_until(reactor, [&] { return names.server.queries.size() == 4; }));
  spy.ahead = std::chrono::minutes{31};
  EXPECT_TRUE(run_until(reactor, [&] { return client.closes == 1; }));
  EXPECT_EQ(client.reason, CloseReason::not_connected);
  EXPECT_EQ(client.error, std::errc::timed_out) << client.message;
  EXPECT_EQ(ending.calls, 0);
  spy.ahead = std::chrono::minutes{61};
  EXPECT_TRUE(run_until(reactor, [&] { return ending.calls == 1; }));
  EXPECT_EQ(ending.error(), std::errc::timed_out) << ending.texts()[0];
}

TEST_P(ResolverTest, NeverTruncatesAName) {
  const std::string label(63, 'a');
  const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'b');
  ASSERT_EQ(longest.size(), 253U);
  names.server.add(longest, "127.0.0.4");
  EXPECT_EQ(names.look_up(longest).texts(), Texts{"127.0.0.4:80"});
  EXPECT_EQ(names.look_up(longest + '.').texts(), Texts{"127.0.0.4:80"});
  EXPECT_EQ(names.server.queries.size(), 4U);

  const auto says = [](const Ending& ending, const char* what) {
    EXPECT_EQ(ending.error(), ResolveError::bad_name);
    EXPECT_EQ(ending.error(), std::errc::invalid_argument);
    EXPECT_NE(ending.texts()[0].find(what), std::string::npos) << ending.texts()[0];
  };
  says(names.look_up(longest + 'b'), "more than 253 bytes");
  says(names.look_up("a" + label + ".org"), "more than 63 bytes between two dots");
  says(names.look_up("a..org"), "nothing between two dots");
  says(names.look_up(std::string{"a\0.org", 6}), "a NUL");
  says(names.look_up("b\xc3\xbc.org"), "a byte that no name has");
  EXPECT_EQ(names.look_up("").texts(), Texts{"resolve \"\": no name: Not a host name"});
  EXPECT_EQ(names.server.queries.size(), 4U);
}

TEST_P(ResolverTest, AsksNoServerForAnAddress) {
  EXPECT_EQ(names.look_up("127.0.0.1", 5000).texts(), Texts{"127.0.0.1:5000"});
  EXPECT_EQ(names.look_up("::1", 0).texts(), Texts{"[::1]:0"});
  EXPECT_EQ(names.look_up("::1", 0, AddressFamily::ipv4).error(), ResolveError::no_address);
  EXPECT_EQ(names.look_up("127.0.0.256").error(), ResolveError::bad_name);
  EXPECT_TRUE(names.server.queries.empty());
}

TEST_P(ResolverTest, LooksIntoTheHostsFileFirst) {
  names.server.add("one.example.org", "127.0.0.9");
  names.hosts.write(
      "# comment\n127.0.0.5\tone.example.org ONE # two.example.org\n"
      "nonsense one\n::5 one\n127.0.0.5 one\n");
  Resolver resolver{reactor, names.options()};
  EXPECT_EQ(names.look_up(resolver, "One.Example.org").texts(), Texts{"127.0.0.5:80"});
  EXPECT_EQ(sorted(names.look_up(resolver, "one").texts()), (Texts{"127.0.0.5:80", "[::5]:80"}));
  EXPECT_TRUE(names.server.queries.empty());
  EXPECT_EQ(names.look_up(resolver, "two.example.org").error(), ResolveError::host_not_found);

  names.hosts.write("127.0.0.66 one.example.org\n");
  EXPECT_EQ(names.look_up(resolver, "one.example.org").texts(), Texts{"127.0.0.66:80"});
  names.hosts.write("");
  EXPECT_EQ(names.look_up(resolver, "one.example.org").texts(), Texts{"127.0.0.9:80"});
}

TEST_P(ResolverTest, KnowsLocalhostByItself) {
  EXPECT_EQ(sorted(names.look_up("localhost").texts()), (Texts{"127.0.0.1:80", "[::1]:80"}));
  EXPECT_EQ(names.look_up("a.LOCALHOST.", 1, AddressFamily::ipv4).texts(), Texts{"127.0.0.1:1"});
  EXPECT_TRUE(names.server.queries.empty());
  names.hosts.write("127.0.0.7 localhost\n");
  EXPECT_EQ(names.look_up("localhost").texts(), Texts{"127.0.0.7:80"});
}

TEST_P(ResolverTest, SearchesTheConfiguredDomains) {
  names.config.write("search one.test two.test\noptions ndots:2\n");
  names.server.add("host.two.test", "127.0.0.8");
  names.server.add("host.sub", "127.0.0.9");
  EXPECT_EQ(names.look_up("host").texts(), Texts{"127.0.0.8:80"});
  EXPECT_EQ(names.server.count("host.one.test"), 2U);
  EXPECT_EQ(names.server.count("host"), 0U);
  // Fewer dots than ndots: first the domains, then as it is. A dot at the end: only as it is.
  EXPECT_EQ(names.look_up("host.sub").texts(), Texts{"127.0.0.9:80"});
  EXPECT_EQ(names.server.count("host.sub.two.test"), 2U);
  EXPECT_EQ(names.look_up("host.").error(), ResolveError::host_not_found);
  EXPECT_EQ(names.server.count("host"), 2U);
}

TEST_P(ResolverTest, ReadsTheConfigurationAgainAfterAFailure) {
  names.server.add("host.new.test", "127.0.0.8");
  Resolver resolver{reactor, names.options()};
  EXPECT_EQ(names.look_up(resolver, "host").error(), ResolveError::host_not_found);
  names.config.write("search new.test\n");
  EXPECT_EQ(names.look_up(resolver, "host").error(), ResolveError::host_not_found);
  names.server.policy = [](const NameServer::Query& query) { return NameServer::reply(query, 2); };
  EXPECT_EQ(names.look_up(resolver, "host").error(), ResolveError::server_failed);
  names.server.policy = [&](const NameServer::Query& query) {
    return names.server.answer_of_zone(query);
  };
  EXPECT_EQ(names.look_up(resolver, "host").texts(), Texts{"127.0.0.8:80"});
}

TEST_P(ResolverTest, ReportsThatNoDescriptorIsLeft) {
  FailingNet net{spy.inner().net()};
  spy.use_net(&net);
  Resolver resolver{reactor, names.options()};
  net.fail("socket", EMFILE, 100);
  EXPECT_EQ(names.look_up(resolver, "example.org").error(), std::errc::too_many_files_open);
  net.fail("socket", EMFILE, 0);
  EXPECT_EQ(names.look_up(resolver, "example.org").error(), ResolveError::host_not_found);
}

TEST_P(ResolverTest, ReportsASocketThatCannotBeWatched) {
  Resolver resolver{reactor, names.options()};
  spy.fail_watch = {0, 1, std::make_error_code(std::errc::no_space_on_device)};
  EXPECT_EQ(names.look_up(resolver, "example.org").error(), std::errc::no_space_on_device);
  EXPECT_EQ(names.look_up(resolver, "example.org").error(), ResolveError::host_not_found);
}

}  // namespace
}  // namespace rondo::test
