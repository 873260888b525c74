// SPDX-License-Identifier: MIT
// No memory while names are resolved and connections made: resolve() or run() throws
// std::bad_alloc, and every operation that has begun still ends exactly once.
#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <optional>

#include <rondo/connector.h>
#include <rondo/reactor.h>
#include <rondo/resolver.h>

#include "support/allocation_counter.h"
#include "support/connect_fixture.h"
#include "support/descriptor_census.h"
#include "support/run_until.h"
#include "support/temporary_file.h"

namespace rondo::test {
namespace {

class NamesWithoutMemory : public DescriptorCensus {
 protected:
  // libuv opens some descriptors once in a process: before the census counts them.
  static void SetUpTestSuite() {
    for (const BuiltBackend& built : built_backends()) EXPECT_TRUE(built.make());
  }
  NamesWithoutMemory() {
    names.hosts_path = hosts.path();
    names.name_servers = {unused.local};
    names.timeout = patience;  // the deadline is not what ends the lookups
  }

  /// Repeats `begin` and the turns after it, each time with one more allocation, until they
  /// succeed. What has begun must end when memory is available again.
  template <typename Begin>
  void starve(const int& calls, Begin begin) {
    constexpr int allocations_max = 500;
    int threw = 0;
    for (int enough = 0; enough < allocations_max; ++enough) {
      const int before = calls;
      bool begun = false;
      bool thrown = false;
      decltype(begin()) handle;
      try {
        const FewAllocations few{static_cast<std::uint64_t>(enough)};
        handle = begin();
        begun = true;
        EXPECT_TRUE(reactor.run());
      } catch (const std::bad_alloc&) {
        thrown = true;
        ++threw;
      }
      EXPECT_TRUE(reactor.run());
      EXPECT_EQ(calls - before, begun ? 1 : 0) << "with " << enough << " allocations";
      if (!thrown && begun && enough > 100) break;
    }
    EXPECT_GT(threw, 1);
  }

  TemporaryFile hosts{"127.0.0.1 known.test\n127.0.0.2 known.test\n"};
  // No name server listens on this port: a query is refused.
  ClosedPort unused{Endpoint::loopback(0)};
  ResolverOptions names;
  Reactor reactor;
};

TEST_F(NamesWithoutMemory, LookupsEndOnce) {
  for (const char* host : {"known.test", "127.0.0.1", "nowhere.test", "."}) {
    int calls = 0;
    std::unique_ptr<Resolver> resolver;
    starve(calls, [&] {
      resolver = std::make_unique<Resolver>(reactor, ResolverOptions{names});
      return resolver->resolve(host, 80, [&](auto) { ++calls; });
    });
  }
}

TEST_F(NamesWithoutMemory, ConnectorsEndOnce) {
  const ClosedPort closed{at("127.0.0.1:0")};
  const Socket open = listen(at("127.0.0.1:0"), 4096);  // nothing accepts
  Resolver resolver{reactor, ResolverOptions{names}};
  for (const Endpoint& peer : {closed.local, open.local_endpoint().value()}) {
    const std::string port = ':' + std::to_string(peer.port());
    for (const std::string host : {"127.0.0.1", "known.test", "nowhere.test"}) {
      int calls = 0;
      starve(calls, [&] {
        ConnectorOptions options;
        options.timeout = forever;  // the deadline is not what ends them
        options.stagger = Duration::zero();
        return std::make_unique<Connector>(
            reactor, resolver, host + port, [&](auto) { ++calls; }, std::move(options));
      });
    }
  }
}

}  // namespace
}  // namespace rondo::test
