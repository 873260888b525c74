// SPDX-License-Identifier: MIT
// Generates scripts for streams, servers and datagram sockets.
#pragma once

#include <array>
#include <cstdint>

#include "parity/random.h"
#include "parity/script.h"
#include "parity/stream_player.h"

namespace rondo::test {

class StreamScripts {
 public:
  explicit StreamScripts(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] Script draw();

 private:
  enum class Role : std::uint8_t { nothing, stream, server, datagrams };

  /// For use in a braced list, whose parts are evaluated in order; function arguments are not.
  void add(const Step& step) { script_.push_back(step); }
  [[nodiscard]] std::uint8_t vacant_slot();
  [[nodiscard]] std::uint8_t slot_in(Role role);
  [[nodiscard]] std::uint32_t some_size();

  void phrase();
  void server_and_clients();
  void step();
  void step_on_stream(std::uint8_t slot);
  void output(std::uint8_t slot);
  void deadline(std::uint8_t slot);
  void step_on_server(std::uint8_t slot);
  void step_on_datagrams(std::uint8_t slot);

  Random random_;
  Script script_;
  std::array<Role, StreamPlayer::slot_count> roles_{};
  std::array<std::uint8_t, StreamPlayer::slot_count>
      peers_{};  // the peer of a pair; none if the slot itself
};

}  // namespace rondo::test
