// SPDX-License-Identifier: MIT
// What a Resolver uses for names that it does not know itself. Meson chooses the .cpp for DNS:
// cares_channel.cpp or dns_none.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <rondo/function.h>
#include <rondo/name_service.h>
#include <rondo/resolver.h>
#include <rondo/result.h>
#include <rondo/time.h>

namespace rondo::detail {

/// Receives the addresses of one family while those of the other are late (RFC 8305, section 3).
struct EarlyAnswer {
  Duration delay = forever;  ///< from the answer of the first family
  Function<void(std::vector<Endpoint> addresses)> report{};  ///< may be empty
};

/// One lookup at a time. May be used again for the next one.
class DnsChannel {
 public:
  using OnEnd = NameService::OnAnswer;

  virtual ~DnsChannel() = default;

  /// Asks for a name, which is well-formed. Calls `on_end` once, in a later turn, unless the lookup
  /// is cancelled or the channel destroyed before. Before that, it calls `early.report` at most
  /// once. Both may destroy the channel. Addresses have port 0 and are not sorted.
  virtual void ask(const std::string& name, std::optional<AddressFamily> family, EarlyAnswer early,
                   OnEnd on_end) = 0;
  /// Ends the lookup, if there is one, and closes its sockets.
  virtual void cancel() noexcept = 0;
};

/// Errors: no_dns, no_name_server, and errors of reading the configuration. `options` must outlive
/// the channel.
[[nodiscard]] Result<std::unique_ptr<DnsChannel>, std::error_code> make_dns_channel(
    Reactor& reactor, const ResolverOptions& options);

/// The same for a backend that has a NameService, which must outlive the channel. It answers for
/// both families at once, so there is no early answer.
[[nodiscard]] std::unique_ptr<DnsChannel> make_name_service_channel(NameService& names);

}  // namespace rondo::detail
