// SPDX-License-Identifier: MIT
// Lookup: its callback comes once and in a later turn; cancelling and destroying.
#include <algorithm>
#include <memory>
#include <set>

#include <rondo/resolver.h>

#include "support/names_fixture.h"
#include "support/on_every_backend.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

class LookupTest : public ReactorOnEveryBackend {
 protected:
  LookupTest() { names.server.add("example.org", "127.0.0.2"); }

  /// Keeps the queries until answer_held().
  void hold_answers() {
    names.server.policy = [this](const NameServer::Query& query) -> std::optional<std::string> {
      held.push_back(query);
      return {};
    };
  }
  void answer_held() {
    for (const auto& query : std::exchange(held, {})) {
      names.server.send(query, names.server.answer_of_zone(query));
    }
  }

  Names names{reactor};
  std::vector<NameServer::Query> held;
};

RONDO_ON_EVERY_BACKEND(LookupTest);

TEST_P(LookupTest, OfAThousandOnlyTenAreInFlight) {
  constexpr int count = 1000;
  hold_answers();
  ResolverOptions options = names.options();
  options.in_flight_max = 10;
  Resolver resolver{reactor, std::move(options)};
  int calls = 0;
  std::vector<Lookup> lookups;
  for (int i = 0; i < count; ++i) {
    lookups.push_back(resolver.resolve("example.org", 1, [&](auto found) {
      EXPECT_TRUE(found);
      ++calls;
    }));
  }
  std::size_t most = 0;
  EXPECT_TRUE(run_until(reactor, [&] {
    std::set<std::uint16_t> ports;
    for (const auto& query : held) ports.insert(query.from.port());
    most = std::max(most, ports.size());
    EXPECT_LE(held.size(), 20U);  // two questions each
    if (held.size() == 20 || calls >= count - 10) answer_held();
    return calls == count;
  }));
  EXPECT_EQ(most, 10U);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(calls, count);
}

TEST_P(LookupTest, IsDeclinedIfTooManyWait) {
  hold_answers();
  ResolverOptions options = names.options();
  options.in_flight_max = 1;
  options.waiting_max = 2;
  Resolver resolver{reactor, std::move(options)};
  std::vector<Ending> endings(4);
  std::vector<Lookup> lookups;
  for (Ending& ending : endings) {
    lookups.push_back(resolver.resolve("example.org", 1, ending.keeper()));
  }
  EXPECT_TRUE(run_until(reactor, [&] { return endings[3].calls == 1 && held.size() == 2; }));
  EXPECT_EQ(endings[3].error(), ResolveError::too_many);
  EXPECT_EQ(endings[0].calls + endings[1].calls + endings[2].calls, 0);
}

TEST_P(LookupTest, IsNotCalledOnceCancelled) {
  hold_answers();
  ResolverOptions options = names.options();
  options.in_flight_max = 1;
  Resolver resolver{reactor, std::move(options)};
  Ending asking;
  Ending waiting;
  Ending answered;
  Ending last;
  {
    Lookup first = resolver.resolve("example.org", 1, asking.keeper());
    Lookup second = resolver.resolve("example.org", 1, waiting.keeper());
    Lookup third = resolver.resolve("127.0.0.1", 1, answered.keeper());
    EXPECT_TRUE(run_until(reactor, [&] { return held.size() == 2; }));
    EXPECT_EQ(answered.calls, 1);
    third = resolver.resolve("127.0.0.1", 1, answered.keeper());
    EXPECT_TRUE(first && second && third);
    third.cancel();
    EXPECT_FALSE(third);
  }
  const Lookup fourth = resolver.resolve("example.org", 1, last.keeper());
  EXPECT_TRUE(run_until(reactor, [&] { return held.size() == 4; }));
  answer_held();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(asking.calls, 0);
  EXPECT_EQ(waiting.calls, 0);
  EXPECT_EQ(answered.calls, 1);
  EXPECT_EQ(last.texts(), std::vector<std::string>{"127.0.0.2:1"});
}

TEST_P(LookupTest, GivesBackItsDescriptorsWhenCancelled) {
  hold_answers();
  Resolver resolver{reactor, names.options()};
  const std::size_t before = kernel().descriptors().size();
  Ending ending;
  Lookup lookup = resolver.resolve("example.org", 1, ending.keeper());
  EXPECT_EQ(kernel().descriptors().size(), before + 1);
  lookup.cancel();
  EXPECT_EQ(kernel().descriptors().size(), before);
  EXPECT_TRUE(reactor.run());
  EXPECT_FALSE(reactor.alive());
}

TEST_P(LookupTest, EndsWithTheResolver) {
  hold_answers();
  ResolverOptions options = names.options();
  options.in_flight_max = 1;
  auto resolver = std::make_unique<Resolver>(reactor, std::move(options));
  std::vector<Ending> endings(3);
  std::vector<Lookup> lookups;
  lookups.push_back(resolver->resolve("example.org", 1, endings[0].keeper()));
  lookups.push_back(resolver->resolve("example.org", 1, endings[1].keeper()));
  lookups.push_back(resolver->resolve("127.0.0.1", 1, endings[2].keeper()));
  resolver.reset();
  for (const Lookup& lookup : lookups) EXPECT_FALSE(lookup);
  EXPECT_TRUE(reactor.run());
  for (const Ending& ending : endings) EXPECT_EQ(ending.calls, 0);
}

TEST_P(LookupTest, MayBeDestroyedInItsCallback) {
  Resolver resolver{reactor, names.options()};
  int calls = 0;
  Lookup lookup = resolver.resolve("example.org", 1, [&](auto) {
    ++calls;
    EXPECT_FALSE(lookup);
    lookup = Lookup{};
  });
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(calls, 1);
}

TEST_P(LookupTest, MayDestroyTheResolverInItsCallback) {
  auto resolver = std::make_unique<Resolver>(reactor, names.options());
  int calls = 0;
  Ending other;
  const Lookup lookup = resolver->resolve("example.org", 1, [&](auto) {
    ++calls;
    resolver.reset();
  });
  const Lookup another = resolver->resolve("elsewhere.example.org", 1, other.keeper());
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(calls, 1);
  EXPECT_LE(other.calls, 1);
}

TEST_P(LookupTest, MayDestroyEverythingInItsCallback) {
  auto resolver = std::make_unique<Resolver>(reactor, names.options());
  int calls = 0;
  std::vector<Lookup> lookups;
  for (const char* host : {"example.org", "127.0.0.1", "localhost", "nowhere.example.org"}) {
    lookups.push_back(resolver->resolve(host, 1, [&](auto) {
      ++calls;
      lookups.clear();
      resolver.reset();
    }));
  }
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(calls, 1);
}

TEST_P(LookupTest, MayOwnAnotherThatGoesWithItsCallback) {
  hold_answers();
  auto resolver = std::make_unique<Resolver>(reactor, names.options());
  Lookup outer;
  {
    auto inner = std::make_unique<Lookup>();
    *inner = resolver->resolve("example.org", 1, [](auto) { ADD_FAILURE(); });
    outer = resolver->resolve("example.org", 1, [kept = std::move(inner)](auto) { ADD_FAILURE(); });
  }
  resolver.reset();
  EXPECT_FALSE(outer);
  EXPECT_TRUE(reactor.run());
}

TEST_P(LookupTest, MayBeginTheNextInItsCallback) {
  ResolverOptions options = names.options();
  options.in_flight_max = 1;
  Resolver resolver{reactor, std::move(options)};
  int calls = 0;
  Lookup lookup;
  std::function<void()> next = [&] {
    lookup = resolver.resolve("example.org", 1, [&](auto found) {
      EXPECT_TRUE(found);
      if (++calls < 5) next();
    });
  };
  next();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(calls, 5);
}

TEST_P(LookupTest, ThatThrowsLeavesTheResolverIntact) {
  Resolver resolver{reactor, names.options()};
  const Lookup lookup =
      resolver.resolve("example.org", 1, [](auto) { throw std::runtime_error{"thrown"}; });
  EXPECT_THROW((void)reactor.run(), std::runtime_error);  // throws before it returns
  EXPECT_EQ(names.look_up(resolver, "example.org").texts(),
            std::vector<std::string>{"127.0.0.2:80"});
}

TEST_P(LookupTest, KeepsTheReactorRunningAndAnIdleResolverDoesNot) {
  Resolver resolver{reactor, names.options()};
  EXPECT_FALSE(reactor.alive());
  Ending ending;
  const Lookup lookup = resolver.resolve("example.org", 1, ending.keeper());
  EXPECT_TRUE(reactor.alive());
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(ending.calls, 1);
  EXPECT_FALSE(reactor.alive());
}

TEST_P(LookupTest, GoesOnWhenItsResolverIsMoved) {
  Resolver resolver{reactor, names.options()};
  Ending ending;
  Lookup lookup = resolver.resolve("example.org", 1, ending.keeper());
  Resolver moved = std::move(resolver);
  const Lookup held_now = std::move(lookup);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(ending.texts(), std::vector<std::string>{"127.0.0.2:1"});
}

}  // namespace
}  // namespace rondo::test
