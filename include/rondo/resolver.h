// SPDX-License-Identifier: MIT
// rondo: names to addresses, without blocking and without threads.
//
//     rondo::Resolver resolver{reactor};
//     const rondo::Lookup lookup = resolver.resolve("example.org", 80, [](auto addresses) {
//       if (!addresses) return print(addresses.error().message());
//       for (const rondo::Endpoint& address : *addresses) print(address.to_string());
//     });
//     if (const auto ran = reactor.run(); !ran) return rondo::print_error(ran.error());
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

/// Why a name could not be resolved. Comparable with an error_code: `error.code ==
/// ResolveError::bad_name`. Errors of the system, such as too many open files, stay as they are.
enum class ResolveError {
  host_not_found = 1,  ///< the name does not exist
  no_address,          ///< the name exists, but has no address of the requested family
  bad_name,            ///< not a host name; also std::errc::invalid_argument
  server_failed,       ///< the name server reported a failure (SERVFAIL)
  refused,             ///< the name server refused the query
  bad_answer,          ///< the answer could not be parsed
  no_name_server,      ///< no name server is configured, or none can be reached
  timed_out,           ///< no answer in time; also std::errc::timed_out
  too_many,            ///< waiting_max lookups are waiting already
  no_dns,              ///< this build has no DNS; also std::errc::not_supported
};

/// The category of ResolveError.
[[nodiscard]] RONDO_EXPORT const std::error_category& name_category() noexcept;
/// Lets a ResolveError be compared with, and converted to, an error_code.
[[nodiscard]] RONDO_EXPORT std::error_code make_error_code(ResolveError error) noexcept;

/// Whether a later attempt may succeed: server_failed, refused, bad_answer, no_name_server,
/// timed_out, too_many.
[[nodiscard]] RONDO_EXPORT bool is_temporary_name_error(std::error_code error) noexcept;

/// A lookup in progress. Destroying it cancels it, at any time and from any callback: its callback
/// is not called then. It is empty once its callback has been called. It may outlive the Resolver,
/// but not the reactor. Use it on the reactor's thread only.
class RONDO_EXPORT Lookup {
 public:
  Lookup() noexcept;
  Lookup(Lookup&& other) noexcept;
  Lookup& operator=(Lookup&& other) noexcept;
  ~Lookup();

  /// Whether the callback is still to be called.
  explicit operator bool() const noexcept;
  /// Ends it: the callback is not called. It is empty afterwards.
  void cancel() noexcept;

 private:
  friend class Resolver;
  class Operation;
  explicit Lookup(std::unique_ptr<Operation> operation) noexcept;

  std::unique_ptr<Operation> operation_;
};

/// `Resolver resolver{reactor, {.timeout = 3s, .hosts_path = ""}}`
struct ResolverOptions {
  /// For a lookup as a whole, including the time in which it waits for others. `forever`: no limit.
  /// Zero: a name that only a name server knows fails at once.
  Duration timeout = std::chrono::seconds{10};
  /// When a name server has been silent for this time, the next one is queried; each of them
  /// `tries` times, at least once. A server that reports a failure is not queried again. Empty:
  /// `timeout` and `attempts` of resolv.conf(5), or else 2 s and 2.
  std::optional<Duration> try_timeout{};
  std::optional<std::size_t> tries{};     ///< how often each name server is queried
  std::size_t in_flight_max = 32;         ///< lookups that query at the same time; at least 1
  std::size_t waiting_max = 1 << 16;      ///< lookups that wait for these; one more is too_many
  std::vector<Endpoint> name_servers{};   ///< empty: those of the system's configuration
  std::string hosts_path = "/etc/hosts";  ///< hosts(5), searched first; empty: no hosts file
  std::string config_path{};              ///< resolv.conf(5); empty: /etc/resolv.conf
};

/// Resolves names by the hosts file, `localhost` (RFC 6761), and then DNS. DNS is done by c-ares on
/// the reactor's own watches, timers and Net. A Resolver is cheap to make: it opens and reads
/// nothing before the first name. It keeps run() from returning only while a lookup is in progress.
/// A hosts file that has changed is read again. Destroying the Resolver cancels its lookups, also
/// from a callback. Destroy it before the reactor. Use it on the reactor's thread only.
class RONDO_EXPORT Resolver {
 public:
  /// Gets the addresses, or the error. It may destroy the Lookup and the Resolver.
  using Callback = Function<void(Result<std::vector<Endpoint>> addresses)>;
  /// A name that has more addresses of a family gives so many of them.
  static constexpr std::size_t addresses_per_family_max = 32;

  /// Reads no file before the first name. Throws std::bad_alloc.
  explicit Resolver(Reactor& reactor, ResolverOptions options = {});
  Resolver(Resolver&& other) noexcept;
  Resolver& operator=(Resolver&& other) noexcept;
  ~Resolver();

  /// Calls `callback` once, in a later turn. It gets at least one address, each with `port`, best
  /// first (RFC 6724, 6) and at most addresses_per_family_max of each family; or the error, whose
  /// message is `resolve example.org: Domain name not found`. `host` is a name in ASCII, or a
  /// numeric address, for which no name server is needed. If `family` is given, only its addresses
  /// count. Nothing is truncated: an empty name, a NUL, more than 253 bytes, or more than 63 bytes
  /// between two dots are bad_name. A name without a dot is also tried in the search domains of
  /// resolv.conf(5); one for which the servers fail does not end the lookup. Keep the Lookup:
  /// destroying it cancels the lookup.
  [[nodiscard]] Lookup resolve(std::string_view host, std::uint16_t port, Callback callback,
                               std::optional<AddressFamily> family = {});

  class Impl;

 private:
  friend class Connector;
  friend class Lookup;
  /// Also reports the addresses of one family, before `callback` and at most once, if the other
  /// family has not answered `delay` later.
  using Early = Function<void(std::vector<Endpoint> addresses)>;
  [[nodiscard]] Lookup resolve_early(std::string_view host, std::uint16_t port, Duration delay,
                                     Early early, Callback callback);

  std::unique_ptr<Impl> impl_;
};

}  // namespace rondo

template <>
struct std::is_error_code_enum<rondo::ResolveError> : std::true_type {};
