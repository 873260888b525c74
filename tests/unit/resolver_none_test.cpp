// SPDX-License-Identifier: MIT
// Resolver in a build without DNS: names that need none, and a clear error for all others.
#include <gtest/gtest.h>

#include <string>

#include <rondo/reactor.h>
#include <rondo/resolver.h>

#include "support/descriptor_census.h"
#include "support/temporary_file.h"

namespace rondo::test {
namespace {

class ResolverWithoutDns : public DescriptorCensus {
 protected:
  std::string look_up(const std::string& host) {
    ResolverOptions options;
    options.hosts_path = hosts.path();
    Resolver resolver{reactor, options};
    std::string text;
    const Lookup lookup = resolver.resolve(host, 80, [&](auto found) {
      if (!found) {
        EXPECT_EQ(found.error().code, std::errc::not_supported);
      }
      text = found ? found->front().to_string() : found.error().message();
    });
    EXPECT_TRUE(reactor.run());
    return text;
  }

  Reactor reactor;
  TemporaryFile hosts{"127.0.0.5 known.example.org\n"};
};

TEST_F(ResolverWithoutDns, UsesTheHostsFileAndReportsThatDnsIsMissing) {
  EXPECT_EQ(look_up("known.example.org"), "127.0.0.5:80");
  EXPECT_EQ(look_up("localhost"), "[::1]:80");
  EXPECT_EQ(look_up("127.0.0.1"), "127.0.0.1:80");
  EXPECT_EQ(look_up("example.org"),
            "resolve example.org: Not in the hosts file, and built without DNS");
}

}  // namespace
}  // namespace rondo::test
