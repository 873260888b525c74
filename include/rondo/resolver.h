// rondo: names to addresses, without blocking and without threads.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/export.h>
#include <rondo/function.h>
#include <rondo/net.h>
#include <rondo/result.h>
#include <rondo/time.h>

namespace rondo {

class Reactor;

/// Why a name has no addresses. Compares with an error_code: `error.code ==
/// ResolveError::bad_name`. The system's own errors (no descriptors left) come as themselves.
enum class ResolveError {
  host_not_found = 1,  ///< there is no such name
  no_address,          ///< the name exists, but has no address of the family asked for
  bad_name,            ///< no name at all; also std::errc::invalid_argument
  server_failed,       ///< the name server could not tell (SERVFAIL)
  refused,             ///< the name server would not tell
  bad_answer,          ///< the answer could not be understood
  no_name_server,      ///< none is configured, or none can be reached
  timed_out,           ///< no answer in time; also std::errc::timed_out
  too_many,            ///< waiting_max lookups wait already
  no_dns,              ///< this build has no DNS; also std::errc::not_supported
};

[[nodiscard]] RONDO_EXPORT const std::error_category& name_category() noexcept;
[[nodiscard]] RONDO_EXPORT std::error_code make_error_code(ResolveError error) noexcept;

/// Whether the same question may have another answer in a while: server_failed, refused,
/// bad_answer, no_name_server, timed_out, too_many.
[[nodiscard]] RONDO_EXPORT bool is_temporary_name_error(std::error_code error) noexcept;

/// One lookup under way. Destroying it cancels it, at any time and from any callback: its callback
/// is not called then. Empty once the callback has been called. May outlive the Resolver, but not
/// the reactor. Thread: the reactor's.
class RONDO_EXPORT Lookup {
 public:
  Lookup() noexcept;
  Lookup(Lookup&& other) noexcept;
  Lookup& operator=(Lookup&& other) noexcept;
  ~Lookup();

  /// Whether the callback is still to come.
  explicit operator bool() const noexcept;
  void cancel() noexcept;

 private:
  friend class Resolver;
  class Operation;
  explicit Lookup(std::unique_ptr<Operation> operation) noexcept;

  std::unique_ptr<Operation> operation_;
};

struct ResolverOptions {
  Duration timeout = std::chrono::seconds{10};  ///< of a lookup as a whole, waiting included
  /// How long a name server may be silent before the next is asked; one after the other, each
  /// `tries` times. One that says it cannot tell is not asked again.
  Duration try_timeout = std::chrono::seconds{2};
  std::size_t tries = 2;
  std::size_t in_flight_max = 32;         ///< lookups that ask name servers at a time; others wait
  std::size_t waiting_max = 1 << 16;      ///< lookups that wait; one more is too_many
  std::vector<Endpoint> name_servers{};   ///< empty: those of the system's configuration
  std::string hosts_path = "/etc/hosts";  ///< hosts(5); looked into first; empty: none
  std::string config_path{};              ///< resolv.conf(5); empty: the system's
};

/// Resolves names: the hosts file, `localhost` (RFC 6761), then DNS, by c-ares on the reactor's own
/// watches, timers and Net. Cheap to make: opens and reads nothing before the first name. While no
/// lookup is under way it does not keep run() alive. A hosts file that changes is read again.
/// Destroying it, also from a callback, ends its lookups: their callbacks are not called. Not after
/// the reactor. Thread: the reactor's.
class RONDO_EXPORT Resolver {
 public:
  using Callback = Function<void(Result<std::vector<Endpoint>> addresses)>;
  static constexpr std::size_t addresses_per_family_max = 32;

  explicit Resolver(Reactor& reactor, ResolverOptions options = {});
  Resolver(Resolver&& other) noexcept;
  Resolver& operator=(Resolver&& other) noexcept;
  ~Resolver();

  /// Calls `callback` once, in a later turn, with one address or more, each with `port`, best first
  /// (RFC 6724, 6), at most addresses_per_family_max of a family; or with the error, which reads
  /// `resolve example.org: Domain name not found`. `host` is a numeric address, which is not asked
  /// for, or a name of ASCII letters; of `family` alone if one is given. Nothing is truncated: more
  /// than 253 bytes, or 63 between two dots, an empty name and a NUL are bad_name. A name without
  /// a dot is also tried in the domains that resolv.conf(5) says to search.
  [[nodiscard]] Lookup resolve(std::string_view host, std::uint16_t port, Callback callback,
                               std::optional<AddressFamily> family = {});

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace rondo

template <>
struct std::is_error_code_enum<rondo::ResolveError> : std::true_type {};
