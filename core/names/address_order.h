// Which of several addresses to try first.
#pragma once

#include <optional>
#include <vector>

#include <rondo/endpoint.h>

namespace rondo {

class Net;

namespace detail {

/// An address, and the one that this host would send from to reach it; none: there is no way.
struct Candidate {
  Endpoint address;
  std::optional<Endpoint> source;
};

/// Sorts by RFC 6724, section 6, as far as a program can know (not rules 3, 4 and 7); what these
/// leave open stays in its order.
void order_candidates(std::vector<Candidate>& candidates);

/// The same, with the sources asked of `net`: a datagram socket is connected, which sends nothing.
void order_addresses(Net& net, std::vector<Endpoint>& addresses);

}  // namespace detail
}  // namespace rondo
