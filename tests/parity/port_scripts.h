// SPDX-License-Identifier: MIT
// Generates scripts for the port: phrases that make connections, and then random steps on the
// existing slots, chosen by the state that the generator assumes for each slot.
#pragma once

#include <array>
#include <cstdint>

#include "parity/port_player.h"
#include "parity/random.h"
#include "parity/script.h"

namespace rondo::test {

class PortScripts {
 public:
  PortScripts(std::uint64_t seed, bool has_ipv6) : random_(seed), has_ipv6_(has_ipv6) {}

  [[nodiscard]] Script draw();

 private:
  enum class Role : std::uint8_t {
    nothing,
    fresh,
    bound,
    listening,
    connected,
    datagram,
    reader,
    writer,
  };
  static constexpr std::uint8_t no_peer = PortPlayer::slot_count;
  struct Guess {
    Role role = Role::nothing;
    std::uint32_t family = 0;  // a value of AddressFamily
    std::uint32_t type = 0;    // a value of SocketType
    std::uint8_t peer = no_peer;
  };

  /// For use in a braced list, whose parts are evaluated in order; function arguments are not.
  void add(const Step& step) { script_.push_back(step); }
  [[nodiscard]] std::uint8_t any_slot() {
    return static_cast<std::uint8_t>(random_.below(PortPlayer::slot_count));
  }
  [[nodiscard]] std::uint8_t vacant_slot();
  [[nodiscard]] std::uint8_t slot_in(Role role);
  [[nodiscard]] std::uint32_t any_family();
  [[nodiscard]] std::uint32_t some_size();

  // Phrases.
  void phrase();
  void tcp_connection();
  void self_connection();
  void unix_connection();
  void unix_datagrams();
  void pair();
  void pipe();
  void udp_sockets();
  void lone_socket();

  // Steps on a slot.
  void step();
  void step_on_connected(std::uint8_t slot);
  void pass_descriptors(std::uint8_t slot);
  void step_on_listener(std::uint8_t slot);
  void step_on_fresh(std::uint8_t slot);
  void step_on_datagrams(std::uint8_t slot);
  void step_on_pipe(std::uint8_t slot);
  void step_on_any(std::uint8_t slot);
  void step_of_any_kind();
  void close(std::uint8_t slot);

  Random random_;
  bool has_ipv6_;
  Script script_;
  std::array<Guess, PortPlayer::slot_count> guesses_;
};

}  // namespace rondo::test
