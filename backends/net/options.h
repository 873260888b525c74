// SPDX-License-Identifier: MIT
// Socket options by name. options.cpp sets and gets them, and has the numbers that all systems
// share. Meson picks the options_*.cpp with the numbers of the system.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <span>

#include <rondo/options.h>

namespace rondo::backends {

/// The form in which the system takes the value.
enum class Form : std::uint8_t { number, flag, byte, linger, interface_of_ipv4 };

struct OptionNumber {
  SocketOption option;
  Form form;
  int level;
  int name;
  /// AF_INET or AF_INET6: this entry is for sockets of that family only.
  int domain = AF_UNSPEC;
  int second_name = -1;  ///< an option that is set together with it
};

/// The options that only this system has, or that differ there. They precede the common ones.
[[gnu::visibility("hidden")]] extern const std::span<const OptionNumber> own_options;
[[gnu::visibility("hidden")]] extern const bool accepted_inherit_options;

/// The results are those of Net::set and Net::get.
int set_option(int fd, SocketOption option, int value) noexcept;
int get_option(int fd, SocketOption option, int& value) noexcept;

}  // namespace rondo::backends
