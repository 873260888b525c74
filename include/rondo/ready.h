// SPDX-License-Identifier: MIT
// rondo: what a descriptor is ready for.
#pragma once

#include <cstdint>

#include <rondo/export.h>  // for its message to C++17

namespace rondo {

/// The calls that would not block, and two events. Hang-up and error have no bits of their own:
/// they make all that is awaited ready. The read or write that follows reports the error, after the
/// data that arrived before it.
enum class Ready : std::uint8_t {
  none = 0,   ///< nothing; as an interest: paused
  read = 1,   ///< a read, or accept(), would not block
  write = 2,  ///< a write would not block, or a connect has ended
  both = 3,   ///< read and write
  /// The peer has shut down its output, or is gone (EPOLLRDHUP). Input may still wait to be read.
  /// A handler that awaits this alone is not called for input: so it notices the end while it does
  /// not read.
  peer_closed = 4,
  /// Urgent data (TCP), or what poll(2) reports as POLLPRI: a change of /proc/mounts, of a sysfs
  /// attribute, of cgroup.events. Linux; what other systems report is in
  /// docs/backend_differences.md.
  priority = 8,
};

// NOLINTBEGIN(clang-analyzer-optin.core.EnumCastOutOfRange): its values are sets of bits
/// The bits that are in one of them, or in both.
constexpr Ready operator|(Ready a, Ready b) noexcept {
  return static_cast<Ready>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
/// The bits that are in both.
constexpr Ready operator&(Ready a, Ready b) noexcept {
  return static_cast<Ready>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
/// The bits of `a` that are not in `b`.
constexpr Ready operator-(Ready a, Ready b) noexcept {
  return static_cast<Ready>(static_cast<unsigned>(a) & ~static_cast<unsigned>(b));
}
// NOLINTEND(clang-analyzer-optin.core.EnumCastOutOfRange)
/// Adds the bits of `b`.
constexpr Ready& operator|=(Ready& a, Ready b) noexcept { return a = a | b; }

/// Whether it contains Ready::read.
constexpr bool can_read(Ready ready) noexcept { return (ready & Ready::read) != Ready::none; }
/// Whether it contains Ready::write.
constexpr bool can_write(Ready ready) noexcept { return (ready & Ready::write) != Ready::none; }
/// Whether it contains Ready::peer_closed.
constexpr bool has_peer_closed(Ready ready) noexcept {
  return (ready & Ready::peer_closed) != Ready::none;
}
/// Whether it contains Ready::priority.
constexpr bool has_priority(Ready ready) noexcept {
  return (ready & Ready::priority) != Ready::none;
}

namespace detail {
/// Every bit: what a hang-up and an error make ready.
constexpr Ready ready_for_all = Ready::both | Ready::peer_closed | Ready::priority;
}  // namespace detail

}  // namespace rondo
