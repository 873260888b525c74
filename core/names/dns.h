// One conversation at a time with the name servers: what a Resolver asks. Which .cpp stands behind
// it, cares_channel.cpp or dns_none.cpp, is Meson's choice.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <rondo/function.h>
#include <rondo/name_service.h>
#include <rondo/resolver.h>
#include <rondo/result.h>

namespace rondo::detail {

class DnsChannel {
 public:
  using OnEnd = Function<void(Result<std::vector<Endpoint>, std::error_code> addresses)>;

  virtual ~DnsChannel() = default;

  /// Asks for a name, which is well-formed. `on_end` is called once, in a later turn, and may
  /// destroy the channel; unless the question is cancelled, or the channel destroyed, before.
  /// Addresses have port 0 and are not sorted. One question at a time.
  virtual void ask(const std::string& name, std::optional<AddressFamily> family, OnEnd on_end) = 0;
  /// Ends the question, if there is one, and all that was open for it.
  virtual void cancel() noexcept = 0;
};

/// Errors: no_dns, no_name_server, and what reading the configuration gave. `options` outlives it.
[[nodiscard]] Result<std::unique_ptr<DnsChannel>, std::error_code> make_dns_channel(
    Reactor& reactor, const ResolverOptions& options);

/// The same for a backend that answers itself, and outlives it.
[[nodiscard]] std::unique_ptr<DnsChannel> make_name_service_channel(NameService& names);

}  // namespace rondo::detail
