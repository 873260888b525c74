// SPDX-License-Identifier: MIT
#include "option_values.h"

#include <algorithm>
#include <cerrno>

namespace rondo::sim {
namespace {

constexpr int buffer_max = 4 << 20;  // net.core.rmem_max, wmem_max
constexpr int buffer_min = 2304;
constexpr int interface_max = 2;

bool is_flag(SocketOption option) noexcept {
  switch (option) {
    case SocketOption::reuse_address:
    case SocketOption::reuse_port:
    case SocketOption::broadcast:
    case SocketOption::ipv6_only:
    case SocketOption::nodelay:
    case SocketOption::keep_alive:
    case SocketOption::fast_open_connect:
    case SocketOption::multicast_loop:
    case SocketOption::packet_info:
    case SocketOption::receive_offload:
      return true;
    default:
      return false;
  }
}

bool is_of_tcp(SocketOption option) noexcept {
  return option >= SocketOption::nodelay && option <= SocketOption::defer_accept &&
         option != SocketOption::keep_alive;
}
bool is_of_datagrams(SocketOption option) noexcept { return option >= SocketOption::ttl; }

/// 0, or the error of Linux for an option that such a socket does not have. With IPv4, getting and
/// setting an option of another protocol fail with different errors.
int check(AddressFamily family, SocketType type, SocketOption option, bool sets) noexcept {
  const bool is_inet = family != AddressFamily::unix_domain;
  const bool is_strange = (option == SocketOption::ipv6_only && family != AddressFamily::ipv6) ||
                          (is_of_tcp(option) && (!is_inet || type != SocketType::stream));
  if (is_strange) {
    return !is_inet || (!sets && family == AddressFamily::ipv4) ? -EOPNOTSUPP : -ENOPROTOOPT;
  }
  if (is_of_datagrams(option) && !is_inet) return -ENOPROTOOPT;
  // Segmentation offload is not simulated, as on a system that lacks it.
  if (option == SocketOption::receive_offload || option == SocketOption::send_offload)
    return -ENOPROTOOPT;
  return 0;
}

int default_of(SocketOption option) noexcept {
  switch (option) {
    case SocketOption::keep_alive_idle:
      return 7200;
    case SocketOption::keep_alive_interval:
      return 75;
    case SocketOption::keep_alive_count:
      return 9;
    case SocketOption::notsent_lowat:
      return -1;
    case SocketOption::ttl:
      return 64;
    case SocketOption::multicast_ttl:
      return 1;
    default:
      return 0;
  }
}

bool in_range(AddressFamily family, SocketOption option, int value) noexcept {
  switch (option) {
    case SocketOption::keep_alive_idle:
    case SocketOption::keep_alive_interval:
      return value >= 1 && value <= 32'767;
    case SocketOption::keep_alive_count:
      return value >= 1 && value <= 127;
    case SocketOption::ttl:
      return value >= (family == AddressFamily::ipv4 ? 1 : 0) && value <= 255;
    case SocketOption::multicast_ttl:
      return value >= -1 && value <= 255;
    case SocketOption::busy_poll:
    case SocketOption::user_timeout:
    case SocketOption::fast_open:
    case SocketOption::multicast_interface:
      return value >= 0;
    default:
      return true;
  }
}

}  // namespace

void OptionValues::inherit(const OptionValues& listener, int interface) {
  flags_ = listener.flags_;
  receive_buffer_ = listener.receive_buffer_;
  send_buffer_ = listener.send_buffer_;
  linger_ = listener.linger_;
  if (listener.numbers_) numbers_ = std::make_unique<Numbers>(*listener.numbers_);
  set_number(SocketOption::multicast_ttl, 64);  // the TTL of the SYN
  set_number(SocketOption::multicast_interface, interface);
}

int OptionValues::refusal_of(SocketOption option, int value) noexcept {
  if (option == SocketOption::linger && value > 0) return -EOPNOTSUPP;
  if (value < (option == SocketOption::linger ? -1 : 0)) return -EINVAL;
  return is_flag(option) && value > 1 ? -EINVAL : 0;
}

int OptionValues::set(AddressFamily family, SocketType type, SocketOption option, int value) {
  if (is_of_datagrams(option) && family == AddressFamily::unix_domain) return -ENOPROTOOPT;
  if (const int error = refusal_of(option, value); error != 0) return error;
  const bool is_sent_by_none =
      type == SocketType::stream &&
      (option == SocketOption::multicast_ttl || option == SocketOption::multicast_interface);
  if (is_sent_by_none) return family == AddressFamily::ipv4 ? -EINVAL : -ENOPROTOOPT;
  if (const int error = check(family, type, option, true); error != 0) return error;
  if (option == SocketOption::reuse_port && value != 0 && family == AddressFamily::unix_domain) {
    return -EOPNOTSUPP;
  }
  if (is_flag(option)) {
    flags_ = value != 0 ? flags_ | bit(option) : flags_ & ~bit(option);
    return 0;
  }
  if (option == SocketOption::linger) {
    linger_ = std::max(value, -1);
    return 0;
  }
  if (option == SocketOption::receive_buffer || option == SocketOption::send_buffer) {
    const auto booked =
        static_cast<std::uint32_t>(std::clamp(value, buffer_min / 2, buffer_max)) * 2;
    (option == SocketOption::receive_buffer ? receive_buffer_ : send_buffer_) = booked;
    return 0;
  }
  if (!in_range(family, option, value)) return -EINVAL;
  if (option == SocketOption::multicast_interface && value > interface_max) {
    return family == AddressFamily::ipv4 ? -EADDRNOTAVAIL : -ENODEV;
  }
  set_number(option, value);
  return 0;
}

int OptionValues::get(AddressFamily family, SocketType type, SocketOption option,
                      int& value) const {
  if (const int error = check(family, type, option, false); error != 0) return error;
  if (is_flag(option)) {
    value = is_on(option) ? 1 : 0;
  } else if (option == SocketOption::linger) {
    value = linger_;
  } else if (option == SocketOption::receive_buffer || option == SocketOption::send_buffer) {
    value =
        static_cast<int>(option == SocketOption::receive_buffer ? receive_buffer_ : send_buffer_);
  } else if (option == SocketOption::multicast_interface && family == AddressFamily::ipv4) {
    return -ENOPROTOOPT;
  } else {
    value = number(option);
  }
  return 0;
}

void OptionValues::set_number(SocketOption option, int value) {
  if (!numbers_) numbers_ = std::make_unique<Numbers>();
  for (Number& number : *numbers_) {
    if (number.option == option) {
      number.value = value;
      return;
    }
  }
  numbers_->push_back({option, value});
}

int OptionValues::number(SocketOption option) const {
  if (numbers_) {
    for (const Number& number : *numbers_) {
      if (number.option == option) return number.value;
    }
  }
  return default_of(option);
}

}  // namespace rondo::sim
