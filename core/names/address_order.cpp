// SPDX-License-Identifier: MIT
// RFC 6724, section 6: the order of destination addresses.
//
// The rules compare two addresses; the first rule that distinguishes them decides. Each rule uses
// properties of one address and its source. So an address has a key, and the keys are compared as
// tuples. The prefix counts for IPv6 only (rule 9, as in glibc). The order is still consistent, as
// addresses that are equal up to rule 6 are of one family.
//
// c-ares sorts too, but it finds the source by the system's getsockname, not by the Net. And
// addresses from the hosts file have to be sorted by the same rules.
#include "address_order.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <utility>

#include <rondo/net.h>
#include <rondo/socket.h>

namespace rondo::detail {
namespace {

using Address = std::array<std::uint8_t, 16>;
constexpr std::size_t ipv4_offset = 12;
constexpr std::uint16_t some_port = 9;  // for connect: some systems refuse port 0

/// An IPv4 address as ::ffff:a.b.c.d.
Address bytes_of(const Endpoint& endpoint) noexcept {
  Address address{};
  if (endpoint.family() == AddressFamily::ipv6) {
    sockaddr_in6 system{};
    std::memcpy(&system, endpoint.system(), sizeof(system));
    std::memcpy(address.data(), &system.sin6_addr, address.size());
  } else {
    sockaddr_in system{};
    std::memcpy(&system, endpoint.system(), sizeof(system));
    address[10] = address[11] = 0xff;
    std::memcpy(address.data() + ipv4_offset, &system.sin_addr, 4);
  }
  return address;
}

int common_prefix(const Address& one, const Address& other) noexcept {
  for (std::size_t i = 0; i < one.size(); ++i) {
    const auto difference = static_cast<std::uint8_t>(one[i] ^ other[i]);
    if (difference != 0) return static_cast<int>(i) * 8 + std::countl_zero(difference);
  }
  return 128;
}

struct Policy {
  Address prefix;
  int bits;
  int precedence;
  int label;
};

/// RFC 6724, 2.1; the longest prefixes first.
constexpr std::array<Policy, 9> policies{{
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, 50, 0},  // ::1
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 35, 4},         // ::ffff:0:0, IPv4
    {{}, 96, 1, 3},                                                  // ::, IPv4-compatible
    {{0x20, 0x01}, 32, 5, 5},                                        // 2001::, Teredo
    {{0x20, 0x02}, 16, 30, 2},                                       // 2002::, 6to4
    {{0x3f, 0xfe}, 16, 1, 12},                                       // 3ffe::, 6bone
    {{0xfe, 0xc0}, 10, 1, 11},                                       // fec0::, site-local
    {{0xfc}, 7, 3, 13},                                              // fc00::, unique local
    {{}, 0, 40, 1},
}};

const Policy& policy_of(const Address& address) noexcept {
  return *std::find_if(policies.begin(), policies.end(), [&](const Policy& policy) {
    return common_prefix(address, policy.prefix) >= policy.bits;
  });
}

/// RFC 6724, 3.1 and 3.2, by the numbers of RFC 4291, 2.7.
int scope_of(const Address& address) noexcept {
  constexpr int link_local = 2;
  constexpr int site_local = 5;
  constexpr int global = 14;
  if (address[0] == 0xff) return address[1] & 0xf;
  if (address[0] == 0xfe && (address[1] & 0xc0) == 0x80) return link_local;
  if (address[0] == 0xfe && (address[1] & 0xc0) == 0xc0) return site_local;
  if (policy_of(address).bits == 128) return link_local;  // ::1
  const bool ipv4 = policy_of(address).label == 4;
  const bool loopback = address[12] == 127;
  const bool automatic = address[12] == 169 && address[13] == 254;
  return ipv4 && (loopback || automatic) ? link_local : global;
}

/// What the rules compare, in their order; the greater key comes first.
struct Key {
  bool usable;        // 1
  bool same_scope;    // 2
  bool same_label;    // 5
  int precedence;     // 6
  int minus_scope;    // 8
  int common_prefix;  // 9
  int minus_index;    // 10
  auto operator<=>(const Key&) const = default;
};

Key key_of(const Candidate& candidate, std::size_t index) noexcept {
  const Address address = bytes_of(candidate.address);
  const Policy& policy = policy_of(address);
  Key key{candidate.source.has_value(), false, false, policy.precedence, -scope_of(address), 0,
          -static_cast<int>(index)};
  if (!key.usable) return key;
  const Address source = bytes_of(*candidate.source);
  key.same_scope = scope_of(source) == scope_of(address);
  key.same_label = policy_of(source).label == policy.label;
  if (candidate.address.family() == AddressFamily::ipv6) {
    key.common_prefix = std::min(common_prefix(source, address), 64);  // the network part
  }
  return key;
}

std::optional<Endpoint> source_for(Net& net, const Endpoint& address) noexcept {
  auto socket = Socket::make(net, address.family(), SocketType::datagram);
  if (!socket) return {};
  const Endpoint peer = address.port() != 0 ? address : address.with_port(some_port);
  if (net.connect(socket->fd(), peer) < 0) return {};
  Endpoint local;
  const bool is_known = net.local_endpoint(socket->fd(), local) >= 0;
  if (!is_known || local.family() != address.family()) return {};
  return local;
}

}  // namespace

void order_candidates(std::vector<Candidate>& candidates) {
  std::vector<std::pair<Key, Candidate>> keyed;
  keyed.reserve(candidates.size());
  for (const Candidate& candidate : candidates) {
    keyed.emplace_back(key_of(candidate, keyed.size()), candidate);
  }
  std::sort(keyed.begin(), keyed.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  for (std::size_t i = 0; i < keyed.size(); ++i) candidates[i] = keyed[i].second;
}

void order_addresses(Net& net, std::vector<Endpoint>& addresses) {
  if (addresses.size() < 2) return;
  std::vector<Candidate> candidates;
  candidates.reserve(addresses.size());
  for (const Endpoint& address : addresses) {
    candidates.push_back({address, source_for(net, address)});
  }
  order_candidates(candidates);
  for (std::size_t i = 0; i < addresses.size(); ++i) addresses[i] = candidates[i].address;
}

std::vector<Endpoint> interleaved(const std::vector<Endpoint>& sorted) {
  std::vector<Endpoint> first;
  std::vector<Endpoint> second;
  for (const Endpoint& address : sorted) {
    (address.family() == sorted.front().family() ? first : second).push_back(address);
  }
  std::vector<Endpoint> mixed;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  return mixed;
}

}  // namespace rondo::detail
