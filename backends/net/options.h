// Options by name. net_options.cpp sets and gets them, and knows the numbers that all systems call
// alike; Meson picks the net_options_*.cpp that knows the others.
#pragma once

#include <cstdint>

#include <rondo/options.h>

namespace rondo::backends {

/// How the system wants the value.
enum class Form : std::uint8_t { number, flag, byte, linger, interface_of_ipv4 };

struct OptionNumber {
  int level = -1;  ///< -1: the system has no such option
  int name = -1;
  Form form = Form::number;
  int name_too = -1;  ///< one that is set together with it
};

/// What this system has besides, or calls or wants otherwise. `domain`, AF_INET or AF_INET6,
/// matters where is_of_family(option).
OptionNumber own_number_of(SocketOption option, int domain) noexcept;

/// Whether IPv4 and IPv6 have numbers of their own for it.
constexpr bool is_of_family(SocketOption option) noexcept {
  return option == SocketOption::ttl || option == SocketOption::multicast_ttl ||
         option == SocketOption::multicast_loop || option == SocketOption::multicast_interface ||
         option == SocketOption::packet_info;
}

/// The results are those of Net::set and Net::get.
int set_option(int fd, SocketOption option, int value) noexcept;
int get_option(int fd, SocketOption option, int& value) noexcept;

extern const bool accepted_inherit_options [[gnu::visibility("hidden")]];

}  // namespace rondo::backends
