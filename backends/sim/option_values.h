// SPDX-License-Identifier: MIT
// The values of the options of one simulated socket, and the effects of the few that have any.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <rondo/net.h>
#include <rondo/options.h>

namespace rondo::sim {

class OptionValues {
 public:
  OptionValues() = default;
  OptionValues(const OptionValues&) = delete;
  OptionValues& operator=(const OptionValues&) = delete;
  /// Copies the options of the listener; the connection arrived on `interface`.
  void inherit(const OptionValues& listener, int interface);

  /// 0, or the error for a value that is invalid for every socket.
  [[nodiscard]] static int refusal_of(SocketOption option, int value) noexcept;
  /// Units and errors as on Linux. Returns 0, or the negative errno.
  int set(AddressFamily family, SocketType type, SocketOption option, int value);
  int get(AddressFamily family, SocketType type, SocketOption option, int& value) const;

  /// Binding a socket to an IPv6 address that is not mapped also sets the option.
  void turn_on(SocketOption option) noexcept { flags_ |= bit(option); }
  [[nodiscard]] bool is_on(SocketOption option) const noexcept {
    return (flags_ & bit(option)) != 0;
  }
  [[nodiscard]] int linger() const noexcept { return linger_; }
  /// The number of bytes that fit.
  [[nodiscard]] std::size_t receive_room() const noexcept { return receive_buffer_ / 2; }
  [[nodiscard]] std::size_t send_room() const noexcept { return send_buffer_ / 2; }
  /// The value that was set, or the default, of an option that is a number.
  [[nodiscard]] int number(SocketOption option) const;

 private:
  struct Number {
    SocketOption option;
    int value;
  };
  using Numbers = std::vector<Number>;
  void set_number(SocketOption option, int value);
  static constexpr std::uint32_t bit(SocketOption option) noexcept {
    return std::uint32_t{1} << static_cast<unsigned>(option);
  }

  std::uint32_t flags_ = bit(SocketOption::multicast_loop);
  std::uint32_t receive_buffer_ = 212'992;
  std::uint32_t send_buffer_ = 212'992;
  int linger_ = -1;
  std::unique_ptr<Numbers> numbers_;  // rarely set options
};

}  // namespace rondo::sim
