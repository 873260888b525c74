// SPDX-License-Identifier: MIT
// Tasks that wait for the addresses of a name, on each backend.
#include <rondo/resolve.h>

#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/coroutine.h>

#include "support/names_fixture.h"
#include "support/on_every_backend.h"
#include "support/run_until.h"
#include "support/task_end.h"

namespace rondo::test {
namespace {

class AwaitedNames : public ReactorOnEveryBackend {
 protected:
  AwaitedNames() {
    names.server.add("example.org", "127.0.0.2");
    names.server.add("example.org", "127.0.0.3");
    names.server.add("example.org", "::1");
  }
  static std::string text_of(const std::vector<Endpoint>& addresses) {
    std::string text;
    for (const Endpoint& address : addresses) text += address.to_string() + ' ';
    return text;
  }

  Names names{reactor};
};
RONDO_ON_EVERY_BACKEND(AwaitedNames);

TEST_P(AwaitedNames, GiveTheirAddresses) {
  Resolver resolver{reactor, names.options()};
  std::string found;
  const auto body = [&]() -> Task<> {
    found = text_of(co_await resolve(resolver, "example.org", 80, AddressFamily::ipv4));
    found += text_of(co_await resolve(resolver, "127.0.0.9", 81));
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(found, "127.0.0.2:80 127.0.0.3:80 127.0.0.9:81 ");
}

TEST_P(AwaitedNames, MayBeTargets) {
  std::string found;
  const auto body = [&]() -> Task<> {
    found = text_of(co_await resolve("127.0.0.9:81"));
    found += text_of(co_await resolve("127.0.0.8"));
    const auto local = co_await resolve("localhost:82");
    EXPECT_FALSE(local.empty());
    for (const Endpoint& address : local) EXPECT_EQ(address.port(), 82);
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(found, "127.0.0.9:81 127.0.0.8:0 ");
}

TEST_P(AwaitedNames, ThrowTheErrorOfTheResolver) {
  Resolver resolver{reactor, names.options()};
  std::string messages;
  const auto body = [&]() -> Task<> {
    try {
      (void)co_await resolve(resolver, "nosuch.org", 80);
    } catch (const std::system_error& error) {
      messages = error.what();
      EXPECT_EQ(error.code(), ResolveError::host_not_found);
    }
    try {
      (void)co_await resolve("example.org:port");
    } catch (const std::system_error& error) {
      messages += std::string{"; "} + error.what();
    }
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(messages,
            "resolve nosuch.org: Domain name not found; parse target \"example.org:port\": not a "
            "port: Invalid argument");
}

TEST_P(AwaitedNames, MayBeCancelled) {
  Resolver resolver{reactor, names.options()};
  std::vector<NameServer::Query> held;
  names.server.policy = [&](const NameServer::Query& query) -> std::optional<std::string> {
    held.push_back(query);
    return {};
  };
  bool resumed = false;
  const auto body = [&]() -> Task<> {
    (void)co_await resolve(resolver, "example.org", 80);
    resumed = true;
  };
  {
    TaskGroup group{reactor};
    group.spawn(body());
    EXPECT_TRUE(run_until(reactor, [&] { return !held.empty(); }));
  }
  for (const auto& query : held) names.server.send(query, names.server.answer_of_zone(query));
  run_turns(reactor, 5);
  EXPECT_FALSE(resumed);
}

}  // namespace
}  // namespace rondo::test
