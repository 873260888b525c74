// SPDX-License-Identifier: MIT
// Applies SocketOptions: which option is set for which purpose, and which ones failed.
//
// A Setter has the socket and collects the failures. On Linux an accepted socket inherits the
// options of its listener, so nothing is set for `accept`, and a client costs no further call. An
// option that the kernel may silently reduce is read back.
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include <rondo/options.h>
#include <rondo/socket.h>

#include "apply_options.h"

namespace rondo {
namespace {

using detail::Purpose;

constexpr std::array option_names = {
    std::pair{SocketOption::reuse_address, std::string_view{"reuse_address"}},
    std::pair{SocketOption::reuse_port, std::string_view{"reuse_port"}},
    std::pair{SocketOption::receive_buffer, std::string_view{"receive_buffer"}},
    std::pair{SocketOption::send_buffer, std::string_view{"send_buffer"}},
    std::pair{SocketOption::busy_poll, std::string_view{"busy_poll"}},
    std::pair{SocketOption::linger, std::string_view{"linger"}},
    std::pair{SocketOption::broadcast, std::string_view{"broadcast"}},
    std::pair{SocketOption::ipv6_only, std::string_view{"ipv6_only"}},
    std::pair{SocketOption::nodelay, std::string_view{"nodelay"}},
    std::pair{SocketOption::keep_alive, std::string_view{"keep_alive"}},
    std::pair{SocketOption::keep_alive_idle, std::string_view{"keep_alive_idle"}},
    std::pair{SocketOption::keep_alive_interval, std::string_view{"keep_alive_interval"}},
    std::pair{SocketOption::keep_alive_count, std::string_view{"keep_alive_count"}},
    std::pair{SocketOption::user_timeout, std::string_view{"user_timeout"}},
    std::pair{SocketOption::notsent_lowat, std::string_view{"notsent_lowat"}},
    std::pair{SocketOption::fast_open, std::string_view{"fast_open"}},
    std::pair{SocketOption::fast_open_connect, std::string_view{"fast_open_connect"}},
    std::pair{SocketOption::defer_accept, std::string_view{"defer_accept"}},
    std::pair{SocketOption::ttl, std::string_view{"ttl"}},
    std::pair{SocketOption::multicast_ttl, std::string_view{"multicast_ttl"}},
    std::pair{SocketOption::multicast_loop, std::string_view{"multicast_loop"}},
    std::pair{SocketOption::multicast_interface, std::string_view{"multicast_interface"}},
    std::pair{SocketOption::packet_info, std::string_view{"packet_info"}},
    std::pair{SocketOption::receive_offload, std::string_view{"receive_offload"}},
    std::pair{SocketOption::send_offload, std::string_view{"send_offload"}},
};

/// For a Unix socket the kernel accepts some options and ignores them.
bool has_effect(SocketOption option, AddressFamily family) noexcept {
  return family != AddressFamily::unix_domain || option == SocketOption::receive_buffer ||
         option == SocketOption::send_buffer;
}

class Setter {
 public:
  Setter(Socket& socket, const Endpoint& where) noexcept : socket_(socket), where_(where) {}

  void fail(SocketOption option, std::error_code code, std::string_view reason = {}) {
    std::string tried = "set ";
    tried.append(name_of(option)).append(" on ").append(where_.to_string()).append(reason);
    failed_.push_back({option, {code, std::move(tried)}});
  }

  bool set(SocketOption option, int value) {
    const int result = has_effect(option, where_.family())
                           ? socket_.net().set(socket_.fd(), option, value)
                           : -EOPNOTSUPP;
    if (result < 0) fail(option, system_error(-result));
    return result >= 0;
  }

  /// Sets a number of any type. A number that an int cannot hold is a failure.
  template <typename Count>
  bool set_count(SocketOption option, Count count) {
    if (std::cmp_less(count, 0) || std::cmp_greater(count, std::numeric_limits<int>::max())) {
      fail(option, std::make_error_code(std::errc::result_out_of_range));
      return false;
    }
    return set(option, static_cast<int>(count));
  }

  /// The same for an option that the kernel may silently reduce; then it is `lowered`.
  template <typename Count>
  void set_at_least(SocketOption option, Count count, std::errc lowered) {
    if (!set_count(option, count)) return;
    const auto found = socket_.get(option);
    if (found && *found < static_cast<int>(count)) fail(option, std::make_error_code(lowered));
  }

  void set_keep_alive(const KeepAlive& keep_alive) {
    set(SocketOption::keep_alive, 1);
    if (keep_alive.idle) set_count(SocketOption::keep_alive_idle, keep_alive.idle->count());
    if (keep_alive.interval)
      set_count(SocketOption::keep_alive_interval, keep_alive.interval->count());
    if (keep_alive.count) set_count(SocketOption::keep_alive_count, *keep_alive.count);
  }

  /// An option that can no longer be set must already have the wanted value.
  void check(SocketOption option, bool wanted) {
    const auto found = socket_.get(option);
    if (!found || (*found != 0) != wanted) {
      fail(option, std::make_error_code(std::errc::operation_not_supported));
    }
  }

  [[nodiscard]] std::vector<UnappliedOption> take_failed() noexcept { return std::move(failed_); }

 private:
  Socket& socket_;
  const Endpoint& where_;
  std::vector<UnappliedOption> failed_;
};

/// The options that must be set before bind().
void apply_before_bind(Setter& setter, const SocketOptions& options, AddressFamily family,
                       Purpose purpose) {
  const bool ip = family != AddressFamily::unix_domain;
  // A server that starts again must not wait for its predecessor's connections to time out.
  const bool reuse = options.reuse_address.value_or(ip && purpose == Purpose::listen);
  if (reuse || options.reuse_address) setter.set(SocketOption::reuse_address, reuse ? 1 : 0);
  if (options.reuse_port) setter.set(SocketOption::reuse_port, 1);
  if (purpose == Purpose::connect) return;  // a client uses one family only
  if (family == AddressFamily::ipv6) {
    setter.set(SocketOption::ipv6_only, options.dual_stack ? 0 : 1);
  } else if (options.dual_stack) {
    setter.fail(SocketOption::ipv6_only,
                std::make_error_code(std::errc::address_family_not_supported));
  }
}

/// The same options for a socket that is bound already.
void check_after_bind(Setter& setter, const SocketOptions& options) {
  if (options.reuse_address) setter.check(SocketOption::reuse_address, *options.reuse_address);
  if (options.reuse_port) setter.check(SocketOption::reuse_port, true);
  if (options.dual_stack) setter.check(SocketOption::ipv6_only, false);
}

/// The options of a listener, or of the connect of a client.
void apply_handshake(Setter& setter, const SocketOptions& options, Purpose purpose) {
  const bool listens = purpose == Purpose::listen || purpose == Purpose::adopt;
  if (options.fast_open) {
    if (listens) {
      setter.set_count(SocketOption::fast_open, *options.fast_open);
    } else if (*options.fast_open != 0) {
      setter.set(SocketOption::fast_open_connect, 1);
    }
  }
  if (!options.defer_accept) return;
  if (listens) {
    setter.set_at_least(SocketOption::defer_accept, options.defer_accept->count(),
                        std::errc::result_out_of_range);
  } else {
    setter.fail(SocketOption::defer_accept,
                std::make_error_code(std::errc::operation_not_supported));
  }
}

void apply_buffers(Setter& setter, const SocketOptions& options) {
  if (options.receive_buffer) {
    setter.set_at_least(SocketOption::receive_buffer, *options.receive_buffer,
                        std::errc::no_buffer_space);
  }
  if (options.send_buffer) {
    setter.set_at_least(SocketOption::send_buffer, *options.send_buffer,
                        std::errc::no_buffer_space);
  }
}

/// The options of a connection, which accepted sockets inherit from their listener.
void apply_to_connection(Setter& setter, const SocketOptions& options, bool tcp) {
  const bool nodelay = options.nodelay.value_or(tcp);
  if (nodelay || options.nodelay) setter.set(SocketOption::nodelay, nodelay ? 1 : 0);
  if (options.keep_alive) setter.set_keep_alive(*options.keep_alive);
  if (options.user_timeout)
    setter.set_count(SocketOption::user_timeout, options.user_timeout->count());
  if (options.notsent_lowat) setter.set_count(SocketOption::notsent_lowat, *options.notsent_lowat);
  if (options.busy_poll) setter.set_count(SocketOption::busy_poll, options.busy_poll->count());
  if (!options.linger) return;
  if (options.linger->count() > 0) {
    setter.fail(SocketOption::linger, std::make_error_code(std::errc::operation_not_supported),
                ": close() would block; streams have lingering_close");
  } else {
    setter.set(SocketOption::linger, options.linger->count() < 0 ? -1 : 0);
  }
}

}  // namespace

std::string_view name_of(SocketOption option) noexcept {
  for (const auto& [known, name] : option_names) {
    if (known == option) return name;
  }
  return "?";
}

namespace detail {

std::vector<UnappliedOption> apply(Socket& socket, const Endpoint& where,
                                   const SocketOptions& options, Purpose purpose) {
  if (purpose == Purpose::accept && socket.net().accepted_inherit_options()) return {};
  Setter setter{socket, where};
  const AddressFamily family = where.family();
  const bool tcp = family != AddressFamily::unix_domain && purpose != Purpose::datagram;
  if (purpose != Purpose::accept) {
    if (purpose == Purpose::adopt) {
      check_after_bind(setter, options);
    } else {
      apply_before_bind(setter, options, family, purpose);
    }
    apply_handshake(setter, options, purpose);
  }
  apply_buffers(setter, options);
  apply_to_connection(setter, options, tcp);
  return setter.take_failed();
}

}  // namespace detail
}  // namespace rondo
