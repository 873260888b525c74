// SPDX-License-Identifier: MIT
// What limits for each address count: one client must not have many addresses.
#include <gtest/gtest.h>

#include <string_view>

#include <rondo/endpoint.h>

#include "stream/client_block.h"

namespace rondo::test {
namespace {

Endpoint at(std::string_view text) { return Endpoint::parse(text).value(); }

TEST(EndpointNetwork, AMappedAddressIsTheIpv4AddressThatItStandsFor) {
  EXPECT_EQ(at("[::ffff:10.1.2.3]:80").unmapped(), at("10.1.2.3:80"));
  EXPECT_EQ(at("10.1.2.3:80").unmapped(), at("10.1.2.3:80"));
  EXPECT_EQ(at("[::10.1.2.3]:80").unmapped(), at("[::10.1.2.3]:80"));
  EXPECT_EQ(at("unix:/a").unmapped(), at("unix:/a"));
}

TEST(EndpointNetwork, KeepsTheFirstBits) {
  EXPECT_EQ(at("[2001:db8:1:2:3:4:5:6]:80").network(64), at("[2001:db8:1:2::]:0"));
  EXPECT_EQ(at("[2001:db8:1:2:ffff::]:80").network(68), at("[2001:db8:1:2:f000::]:0"));
  EXPECT_EQ(at("[2001:db8::1]:80").network(128), at("[2001:db8::1]:0"));
  EXPECT_EQ(at("[2001:db8::1]:80").network(1000), at("[2001:db8::1]:0"));
  EXPECT_EQ(at("[2001:db8::1]:80").network(0), at("[::]:0"));
  EXPECT_EQ(at("10.1.2.255:80").network(25), at("10.1.2.128:0"));
  EXPECT_EQ(at("unix:/a").network(3), at("unix:/a"));
}

TEST(EndpointNetwork, KnowsLinkLocalAddresses) {
  EXPECT_TRUE(at("169.254.3.4:1").is_link_local());
  EXPECT_TRUE(at("[fe80::1]:1").is_link_local());
  EXPECT_TRUE(at("[febf::1]:1").is_link_local());
  EXPECT_FALSE(at("[fec0::1]:1").is_link_local());
  EXPECT_FALSE(at("10.254.3.4:1").is_link_local());
  EXPECT_FALSE(at("unix:/a").is_link_local());
}

TEST(EndpointNetwork, CountsAClientOnceWhateverItsAddresses) {
  detail::AddressCounts counts{2, 64};
  detail::AddressCounts::Entry* counted[4] = {};
  EXPECT_TRUE(counts.add(at("10.1.2.3:1"), counted[0]));
  EXPECT_TRUE(counts.add(at("[::ffff:10.1.2.3]:2"), counted[1]));
  EXPECT_FALSE(counts.add(at("10.1.2.3:3"), counted[2]));
  EXPECT_TRUE(counts.add(at("[2001:db8::1]:1"), counted[2]));
  EXPECT_TRUE(counts.add(at("[2001:db8::ffff:2]:1"), counted[3]));
  detail::AddressCounts::Entry* none = nullptr;
  EXPECT_FALSE(counts.add(at("[2001:db8::3]:1"), none));
  EXPECT_TRUE(counts.add(at("[2001:db8:0:1::3]:1"), none));
  for (const char* const neighbour : {"[fe80::1]:1", "[fe80::2]:1", "[fe80::3]:1"})
    EXPECT_TRUE(counts.add(at(neighbour), none)) << "another host of the link";
  counts.remove(counted[0]);
  EXPECT_TRUE(counts.add(at("10.1.2.3:3"), none));
}

}  // namespace
}  // namespace rondo::test
