// SPDX-License-Identifier: MIT
// Resolver in virtual time: a name of the search list, or a server, that fails does not end the
// lookup, and the options of resolv.conf(5).
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include <rondo/options.h>
#include <rondo/reactor.h>
#include <rondo/resolver.h>

#include "support/descriptor_census.h"
#include "support/failing_net.h"
#include "support/jumping_backend.h"
#include "support/names_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;
using Query = NameServer::Query;
using Reply = std::optional<std::string>;
using Texts = std::vector<std::string>;

constexpr std::uint8_t format_error = 1;
constexpr std::uint8_t server_failure = 2;
constexpr std::uint8_t not_implemented = 4;
constexpr std::uint8_t refused = 5;

/// Notes the peers of its connects.
class ConnectNet final : public FailingNet {
 public:
  using FailingNet::FailingNet;
  int connect(int fd, const Endpoint& peer) noexcept override {
    last_peer = peer;
    return FailingNet::connect(fd, peer);
  }
  Endpoint last_peer;
};

class ResolverSearch : public DescriptorCensus {
 private:
  std::unique_ptr<Backend> made_ = std::make_unique<JumpingBackend>(net);

 protected:
  ResolverSearch() {
    names.config.write("search one.test two.test\n");
    names.server.add("host.two.test", "127.0.0.8");
    names.server.add("host.two.test", "::8");
    names.server.policy = [this](const Query& query) { return reply_to(query); };
  }

  Reply reply_to(const Query& query) {
    if (query.name != bad_name && !bad_name.empty()) return names.server.answer_of_zone(query);
    return bad ? bad(query) : names.server.answer_of_zone(query);
  }
  Ending look_up(const std::string& host) {
    Resolver resolver{reactor, names.options()};
    return names.look_up(resolver, host);
  }
  Duration passed() { return reactor.now() - start; }

  ConnectNet net{system_net()};
  Reactor reactor{std::move(made_)};
  const TimePoint start = reactor.now();
  Names names{reactor};
  std::string bad_name;                    // empty: each name
  std::function<Reply(const Query&)> bad;  // its reply
};

std::function<Reply(const Query&)> code(std::uint8_t rcode) {
  return [rcode](const Query& query) { return NameServer::reply(query, rcode); };
}
Reply silence(const Query&) { return {}; }
/// `other` for AAAA, and `rcode` for A.
std::function<Reply(const Query&)> mixed(std::uint8_t rcode,
                                         std::function<Reply(const Query&)> other) {
  return [=](const Query& query) {
    return query.type == NameServer::type_a ? Reply{NameServer::reply(query, rcode)} : other(query);
  };
}

TEST_F(ResolverSearch, GoesOnAfterANameForWhichTheServerFails) {
  struct {
    const char* what;
    std::function<Reply(const Query&)> reply;
  } const cases[] = {
      {"FORMERR", code(format_error)},
      {"SERVFAIL", code(server_failure)},
      {"NXDOMAIN", code(NameServer::no_such_name)},
      {"NOTIMP", code(not_implemented)},
      {"REFUSED", code(refused)},
      {"NODATA", code(0)},
      {"silence", silence},
      {"nonsense", [](const Query& query) { return query.packet.substr(0, 12) + "nonsense"; }},
      {"NODATA and SERVFAIL", mixed(0, code(server_failure))},
      {"SERVFAIL and NODATA", mixed(server_failure, code(0))},
      {"NXDOMAIN and REFUSED", mixed(NameServer::no_such_name, code(refused))},
      {"SERVFAIL and silence", mixed(server_failure, silence)},
      {"NODATA and silence", mixed(0, silence)},
  };
  for (const auto& each : cases) {
    bad_name = "host.one.test";
    bad = each.reply;
    Ending ending = look_up("host");
    ASSERT_TRUE(ending.result && *ending.result) << each.what << ": " << ending.texts()[0];
    EXPECT_EQ(ending.texts().size(), 2U) << each.what;
  }
}

TEST_F(ResolverSearch, TriesTheNameAsItIsAfterAllDomainsFailed) {
  names.server.add("host", "127.0.0.7");
  for (const std::uint8_t rcode : {server_failure, refused, not_implemented}) {
    bad = [&](const Query& query) -> Reply {
      if (query.name == "host") return names.server.answer_of_zone(query);
      return NameServer::reply(query, rcode);
    };
    EXPECT_EQ(look_up("host").texts(), Texts{"127.0.0.7:80"}) << int{rcode};
  }
}

// ndots:0, as in containers: the name is tried as it is first, and systemd-resolved fails for it.
TEST_F(ResolverSearch, TriesTheDomainsAfterTheNameAsItIsFailed) {
  names.config.write("search one.test two.test\noptions ndots:0\n");
  bad_name = "host";
  bad = code(server_failure);
  EXPECT_EQ(look_up("host").texts().size(), 2U);
  EXPECT_EQ(names.server.queries.front().name, "host");
}

TEST_F(ResolverSearch, ReportsTheErrorThatGlibcReports) {
  struct {
    const char* options;
    std::uint8_t as_it_is;
    std::uint8_t one;
    std::uint8_t two;
    ResolveError expected;
  } const cases[] = {
      {"", 3, 3, 3, ResolveError::host_not_found},
      {"", 3, 2, 3, ResolveError::server_failed},
      {"", 3, 3, 5, ResolveError::refused},
      {"", 3, 2, 0, ResolveError::no_address},
      {"", 0, 2, 3, ResolveError::no_address},
      {"options ndots:0\n", 3, 2, 3, ResolveError::host_not_found},
      {"options ndots:0\n", 2, 3, 3, ResolveError::server_failed},
      {"options ndots:0\n", 0, 2, 3, ResolveError::no_address},
      {"options ndots:0\n", 2, 0, 3, ResolveError::server_failed},
  };
  for (const auto& each : cases) {
    names.config.write(std::string{"search one.test two.test\n"} + each.options);
    bad = [&](const Query& query) {
      const bool is_one = query.name == "x.one.test";
      const bool is_two = query.name == "x.two.test";
      return NameServer::reply(query, is_one ? each.one : is_two ? each.two : each.as_it_is);
    };
    EXPECT_EQ(look_up("x").error(), each.expected)
        << each.options << int{each.as_it_is} << int{each.one} << int{each.two};
  }
}

TEST_F(ResolverSearch, EndsAtOnceWhereNoDescriptorIsLeft) {
  net.fail("socket", EMFILE, 100);
  EXPECT_EQ(look_up("host").error(), std::errc::too_many_files_open);
  EXPECT_LE(net.calls("socket"), 2) << "no further name is tried";
}

TEST_F(ResolverSearch, AsksAllServersAboutANameBeforeTheNextOne) {
  NameServer second{reactor};
  second.add("host.one.test", "127.0.0.5");
  bad = code(server_failure);
  ResolverOptions options = names.options();
  options.name_servers.push_back(second.endpoint());
  Resolver resolver{reactor, options};
  EXPECT_EQ(names.look_up(resolver, "host").texts(), Texts{"127.0.0.5:80"});
}

// A server that has reported a failure is not asked again while a silent one is.
TEST_F(ResolverSearch, DoesNotRepeatAQuestionToAServerThatFailed) {
  NameServer silent{reactor};
  silent.policy = silence;
  bad = code(server_failure);
  ResolverOptions options = names.options();
  options.name_servers.push_back(silent.endpoint());
  options.tries = 3;
  Resolver resolver{reactor, options};
  EXPECT_EQ(names.look_up(resolver, "host.").error(), ResolveError::server_failed);
  EXPECT_EQ(names.server.queries.size(), 2U);
  EXPECT_EQ(silent.queries.size(), 2U * 3U);
  EXPECT_EQ(passed(), 6s);
}

TEST_F(ResolverSearch, TakesTimeoutAndAttemptsOfTheConfiguration) {
  bad = silence;
  names.config.write("search .\noptions timeout:1 attempts:3\n");
  EXPECT_EQ(look_up("host").error(), ResolveError::timed_out);
  EXPECT_EQ(passed(), 3s);
  ResolverOptions options = names.options();
  options.try_timeout = 2s;
  options.tries = 1;
  Resolver resolver{reactor, options};
  EXPECT_EQ(names.look_up(resolver, "host").error(), ResolveError::timed_out);
  EXPECT_EQ(passed(), 3s + 2s) << "the options of the program count more";
}

TEST_F(ResolverSearch, DoesNotSpinWithoutATimeoutOfATry) {
  bad = silence;
  ResolverOptions options = names.options();
  options.timeout = 1s;
  options.try_timeout = -1s;
  options.tries = unlimited;
  Resolver resolver{reactor, options};
  EXPECT_EQ(names.look_up(resolver, "host.").error(), ResolveError::timed_out);
  EXPECT_EQ(passed(), 1s);
  EXPECT_LE(names.server.queries.size(), 2U * 103U);
}

TEST_F(ResolverSearch, AsksTheServersInTurnWithRotate) {
  NameServer second{reactor};
  second.add("host.two.test", "127.0.0.5");
  names.config.write("search two.test\noptions rotate\n");
  ResolverOptions options = names.options();
  options.name_servers.push_back(second.endpoint());
  Resolver resolver{reactor, options};
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(*names.look_up(resolver, "host").result);
  EXPECT_EQ(names.server.queries.size(), 4U);
  EXPECT_EQ(second.queries.size(), 4U);
}

TEST_F(ResolverSearch, AsksOverTcpWithUseVc) {
  names.config.write("search two.test\noptions use-vc\n");
  EXPECT_EQ(look_up("host").texts().size(), 2U);
  for (const Query& query : names.server.queries) EXPECT_TRUE(query.tcp);
}

TEST_F(ResolverSearch, AsksForNoIpv6AddressWithNoAaaa) {
  names.config.write("search two.test\noptions no-aaaa\n");
  EXPECT_EQ(look_up("host").texts(), Texts{"127.0.0.8:80"});
  Resolver resolver{reactor, names.options()};
  EXPECT_EQ(names.look_up(resolver, "host", 80, AddressFamily::ipv6).texts(), Texts{"[::8]:80"});
}

TEST_F(ResolverSearch, DoesNotTryANameWithoutADotAsItIsWithNoTldQuery) {
  names.config.write("search one.test\noptions no-tld-query\n");
  names.server.add("host", "127.0.0.7");
  EXPECT_EQ(look_up("host").error(), ResolveError::host_not_found);
  EXPECT_EQ(names.server.count("host"), 0U);
  names.config.write("search bad..test\noptions no-tld-query\n");
  names.server.queries.clear();
  EXPECT_EQ(look_up("host").error(), ResolveError::host_not_found);
  EXPECT_TRUE(names.server.queries.empty());
}

TEST_F(ResolverSearch, ConnectsToTheNameServerWithItsZone) {
  names.config.write("nameserver fe80::53%lo\n");
  ResolverOptions options = names.options();
  options.name_servers.clear();
  Resolver resolver{reactor, options};
  net.fail("connect", ENETUNREACH, 100);
  EXPECT_EQ(names.look_up(resolver, "host.test.").error(), ResolveError::no_name_server);
  EXPECT_EQ(net.last_peer.to_string(), "[fe80::53%lo]:53");
}

}  // namespace
}  // namespace rondo::test
