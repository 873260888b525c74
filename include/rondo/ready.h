// rondo: the directions in which a descriptor is ready.
#pragma once

#include <cstdint>

namespace rondo {

/// The calls that would not block. Hang-up and error have no bits of their own: they make every
/// awaited direction ready. The read or write that follows reports the error, after the data that
/// arrived before it.
enum class Ready : std::uint8_t { none = 0, read = 1, write = 2, both = 3 };

constexpr Ready operator|(Ready a, Ready b) noexcept {
  return static_cast<Ready>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr Ready operator&(Ready a, Ready b) noexcept {
  return static_cast<Ready>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
/// The bits of `a` that are not in `b`.
constexpr Ready operator-(Ready a, Ready b) noexcept {
  return static_cast<Ready>(static_cast<unsigned>(a) & ~static_cast<unsigned>(b));
}
constexpr Ready& operator|=(Ready& a, Ready b) noexcept { return a = a | b; }

constexpr bool can_read(Ready ready) noexcept { return (ready & Ready::read) != Ready::none; }
constexpr bool can_write(Ready ready) noexcept { return (ready & Ready::write) != Ready::none; }

}  // namespace rondo
