// SPDX-License-Identifier: MIT
// The order of addresses: the examples of RFC 6724, 10.2, and some more.
#include "names/address_order.h"

#include <gtest/gtest.h>

#include <string>

#include "support/descriptor_census.h"
#include "support/failing_net.h"

namespace rondo::test {
namespace {

using Texts = std::vector<std::string>;

Endpoint endpoint(const std::string& host) {
  return Endpoint::parse(host.find(':') == host.npos ? host + ":80" : '[' + host + "]:80").value();
}

/// Pairs of address and source; the source may be empty.
Texts ordered(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::vector<detail::Candidate> candidates;
  for (const auto& [address, source] : pairs) {
    candidates.push_back({endpoint(address), {}});
    if (!source.empty()) candidates.back().source = endpoint(source);
  }
  detail::order_candidates(candidates);
  Texts texts;
  for (const auto& candidate : candidates) texts.push_back(candidate.address.host());
  return texts;
}

TEST(AddressOrder, AvoidsUnusableAddresses) {
  EXPECT_EQ(ordered({{"2001:db8::1", ""}, {"198.51.100.121", "198.51.100.117"}}),
            (Texts{"198.51.100.121", "2001:db8::1"}));
}

TEST(AddressOrder, PrefersAMatchingScope) {
  EXPECT_EQ(ordered({{"2001:db8:1::1", "fe80::1"}, {"198.51.100.121", "198.51.100.117"}}),
            (Texts{"198.51.100.121", "2001:db8:1::1"}));
  EXPECT_EQ(ordered({{"198.51.100.121", "169.254.13.78"}, {"2001:db8:1::1", "2001:db8:1::2"}}),
            (Texts{"2001:db8:1::1", "198.51.100.121"}));
  EXPECT_EQ(ordered({{"198.51.100.121", "169.254.13.78"}, {"198.51.100.122", "198.51.100.117"}}),
            (Texts{"198.51.100.122", "198.51.100.121"}));
}

TEST(AddressOrder, PrefersAMatchingLabel) {
  EXPECT_EQ(
      ordered({{"2001:db8:1::1", "2002:c633:6401::2"}, {"2002:c633:6401::1", "2002:c633:6401::2"}}),
      (Texts{"2002:c633:6401::1", "2001:db8:1::1"}));
}

TEST(AddressOrder, PrefersAHigherPrecedence) {
  EXPECT_EQ(ordered({{"10.1.2.3", "10.1.2.4"}, {"2001:db8:1::1", "2001:db8:1::2"}}),
            (Texts{"2001:db8:1::1", "10.1.2.3"}));
  EXPECT_EQ(ordered({{"127.0.0.1", "127.0.0.1"}, {"::1", "::1"}}), (Texts{"::1", "127.0.0.1"}));
  EXPECT_EQ(ordered({{"fc00::1", "fc00::2"}, {"10.0.0.1", "10.0.0.2"}}),
            (Texts{"10.0.0.1", "fc00::1"}));
  EXPECT_EQ(
      ordered({{"2002:c633:6401::1", "2002:c633:6401::2"}, {"2001:db8:1::1", "2001:db8:1::2"}}),
      (Texts{"2001:db8:1::1", "2002:c633:6401::1"}));
}

TEST(AddressOrder, PrefersTheSmallerScope) {
  EXPECT_EQ(ordered({{"2001:db8:1::1", "2001:db8:1::2"}, {"fe80::1", "fe80::2"}}),
            (Texts{"fe80::1", "2001:db8:1::1"}));
}

TEST(AddressOrder, PrefersTheLongestMatchingPrefixInIpv6Only) {
  EXPECT_EQ(ordered({{"2001:db8:3ffe::1", "2001:db8:1::2"}, {"2001:db8:1::1", "2001:db8:1::2"}}),
            (Texts{"2001:db8:1::1", "2001:db8:3ffe::1"}));
  EXPECT_EQ(ordered({{"10.200.0.1", "10.1.2.4"}, {"10.1.2.3", "10.1.2.4"}}),
            (Texts{"10.200.0.1", "10.1.2.3"}));
}

TEST(AddressOrder, KeepsTheOrderOfEqualAddresses) {
  Texts given;
  std::vector<std::pair<std::string, std::string>> pairs;
  for (int i = 50; i > 0; --i) {
    given.push_back("10.0.0." + std::to_string(i));
    pairs.emplace_back(given.back(), "10.0.1.1");
  }
  EXPECT_EQ(ordered(pairs), given);
}

class AddressOrderOnANet : public DescriptorCensus {};

TEST_F(AddressOrderOnANet, FindsTheSourcesByConnecting) {
  FailingNet net{system_net()};
  std::vector<Endpoint> addresses{endpoint("127.0.0.1"), endpoint("127.0.0.2")};
  net.fail("connect", ENETUNREACH);  // for the first address
  detail::order_addresses(net, addresses);
  EXPECT_EQ(addresses[0].host(), "127.0.0.2");
  EXPECT_EQ(net.calls("connect"), 2);
  addresses.resize(1);
  detail::order_addresses(net, addresses);
  EXPECT_EQ(net.calls("connect"), 2);
}

}  // namespace
}  // namespace rondo::test
