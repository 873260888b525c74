// SPDX-License-Identifier: MIT
// Which of several addresses to try first.
#pragma once

#include <optional>
#include <vector>

#include <rondo/endpoint.h>

namespace rondo {

class Net;

namespace detail {

/// An address, and the source address from which this host would reach it; empty if it cannot.
struct Candidate {
  Endpoint address;
  std::optional<Endpoint> source;
};

/// Sorts by RFC 6724, section 6, without rules 3, 4 and 7, which a program cannot evaluate.
/// Addresses that are equal by these rules keep their order.
void order_candidates(std::vector<Candidate>& candidates);

/// The same; the sources are found by connecting datagram sockets of `net`, which sends nothing.
void order_addresses(Net& net, std::vector<Endpoint>& addresses);

/// For a race (RFC 8305, section 4): the families alternate, beginning with that of the first one.
[[nodiscard]] std::vector<Endpoint> interleaved(const std::vector<Endpoint>& sorted);

}  // namespace detail
}  // namespace rondo
