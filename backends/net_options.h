// Options by name. net_options.cpp sets and gets them; Meson picks the net_options_*.cpp that knows
// the system's numbers.
#pragma once

#include <cstdint>

#include <rondo/options.h>

namespace rondo::backends {

/// How the system wants the value.
enum class Form : std::uint8_t { number, flag, linger, interface_of_ipv4 };

struct OptionNumber {
  int level = -1;  ///< -1: the system has no such option
  int name = -1;
  Form form = Form::number;
};

/// `domain` matters where is_of_family(option).
OptionNumber number_of(Option option, int domain) noexcept;

/// Whether IPv4 and IPv6 have numbers of their own for it.
constexpr bool is_of_family(Option option) noexcept {
  return option == Option::ttl || option == Option::multicast_ttl ||
         option == Option::multicast_loop || option == Option::multicast_interface ||
         option == Option::packet_info;
}

/// The results are those of Net::set and Net::get.
int set_option(int fd, Option option, int value) noexcept;
int get_option(int fd, Option option, int& value) noexcept;

extern const bool accepted_inherit_options [[gnu::visibility("hidden")]];

}  // namespace rondo::backends
