#include "option_values.h"

#include <algorithm>
#include <cerrno>

namespace rondo::sim {
namespace {

constexpr int buffer_max = 4 << 20;  // net.core.rmem_max, wmem_max
constexpr int buffer_min = 2304;
constexpr int interface_max = 2;

bool is_flag(Option option) noexcept {
  switch (option) {
    case Option::reuse_address:
    case Option::reuse_port:
    case Option::broadcast:
    case Option::ipv6_only:
    case Option::nodelay:
    case Option::keep_alive:
    case Option::fast_open_connect:
    case Option::multicast_loop:
    case Option::packet_info:
    case Option::receive_offload:
      return true;
    default:
      return false;
  }
}

bool is_of_tcp(Option option) noexcept {
  return option >= Option::nodelay && option <= Option::defer_accept &&
         option != Option::keep_alive;
}
bool is_of_datagrams(Option option) noexcept { return option >= Option::ttl; }

/// 0, or what Linux says of an option that such a socket does not have. To ask for what belongs to
/// another protocol is another error with IPv4 than to set it.
int check(Family family, SocketType type, Option option, bool sets) noexcept {
  const bool is_inet = family != Family::unix_domain;
  const bool is_strange = (option == Option::ipv6_only && family != Family::ipv6) ||
                          (is_of_tcp(option) && (!is_inet || type != SocketType::stream));
  if (is_strange) {
    return !is_inet || (!sets && family == Family::ipv4) ? -EOPNOTSUPP : -ENOPROTOOPT;
  }
  if (is_of_datagrams(option) && !is_inet) return -ENOPROTOOPT;
  // Segments are not simulated, as on a system that lacks them.
  if (option == Option::receive_offload || option == Option::send_offload) return -ENOPROTOOPT;
  return 0;
}

int default_of(Option option) noexcept {
  switch (option) {
    case Option::keep_alive_idle:
      return 7200;
    case Option::keep_alive_interval:
      return 75;
    case Option::keep_alive_count:
      return 9;
    case Option::notsent_lowat:
      return -1;
    case Option::ttl:
      return 64;
    case Option::multicast_ttl:
      return 1;
    default:
      return 0;
  }
}

bool in_range(Family family, Option option, int value) noexcept {
  switch (option) {
    case Option::keep_alive_idle:
    case Option::keep_alive_interval:
      return value >= 1 && value <= 32'767;
    case Option::keep_alive_count:
      return value >= 1 && value <= 127;
    case Option::ttl:
      return value >= (family == Family::ipv4 ? 1 : 0) && value <= 255;
    case Option::multicast_ttl:
      return value >= -1 && value <= 255;
    case Option::busy_poll:
    case Option::user_timeout:
    case Option::fast_open:
    case Option::multicast_interface:
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
  set_number(Option::multicast_ttl, 64);  // that of the SYN
  set_number(Option::multicast_interface, interface);
}

int OptionValues::refusal_of(Option option, int value) noexcept {
  if (value < (option == Option::linger ? -1 : 0)) return -EINVAL;
  return is_flag(option) && value > 1 ? -EINVAL : 0;
}

int OptionValues::set(Family family, SocketType type, Option option, int value) {
  if (is_of_datagrams(option) && family == Family::unix_domain) return -ENOPROTOOPT;
  if (const int error = refusal_of(option, value); error != 0) return error;
  const bool is_sent_by_none =
      type == SocketType::stream &&
      (option == Option::multicast_ttl || option == Option::multicast_interface);
  if (is_sent_by_none) return family == Family::ipv4 ? -EINVAL : -ENOPROTOOPT;
  if (const int error = check(family, type, option, true); error != 0) return error;
  if (option == Option::reuse_port && value != 0 && family == Family::unix_domain) {
    return -EOPNOTSUPP;
  }
  if (is_flag(option)) {
    flags_ = value != 0 ? flags_ | bit(option) : flags_ & ~bit(option);
    return 0;
  }
  if (option == Option::linger) {
    linger_ = std::max(value, -1);
    return 0;
  }
  if (option == Option::receive_buffer || option == Option::send_buffer) {
    const auto booked =
        static_cast<std::uint32_t>(std::clamp(value, buffer_min / 2, buffer_max)) * 2;
    (option == Option::receive_buffer ? receive_buffer_ : send_buffer_) = booked;
    return 0;
  }
  if (!in_range(family, option, value)) return -EINVAL;
  if (option == Option::multicast_interface && value > interface_max) {
    return family == Family::ipv4 ? -EADDRNOTAVAIL : -ENODEV;
  }
  set_number(option, value);
  return 0;
}

int OptionValues::get(Family family, SocketType type, Option option, int& value) const {
  if (const int error = check(family, type, option, false); error != 0) return error;
  if (is_flag(option)) {
    value = is_on(option) ? 1 : 0;
  } else if (option == Option::linger) {
    value = linger_;
  } else if (option == Option::receive_buffer || option == Option::send_buffer) {
    value = static_cast<int>(option == Option::receive_buffer ? receive_buffer_ : send_buffer_);
  } else if (option == Option::multicast_interface && family == Family::ipv4) {
    return -ENOPROTOOPT;
  } else {
    value = number(option);
  }
  return 0;
}

void OptionValues::set_number(Option option, int value) {
  if (!numbers_) numbers_ = std::make_unique<Numbers>();
  for (Number& number : *numbers_) {
    if (number.option == option) {
      number.value = value;
      return;
    }
  }
  numbers_->push_back({option, value});
}

int OptionValues::number(Option option) const {
  if (numbers_) {
    for (const Number& number : *numbers_) {
      if (number.option == option) return number.value;
    }
  }
  return default_of(option);
}

}  // namespace rondo::sim
