// SPDX-License-Identifier: MIT
// A build without c-ares: names that the hosts file does not have cannot be resolved.
#include "dns.h"

namespace rondo::detail {

Result<std::unique_ptr<DnsChannel>, std::error_code> make_dns_channel(Reactor&,
                                                                      const ResolverOptions&) {
  return make_error_code(ResolveError::no_dns);
}

}  // namespace rondo::detail
