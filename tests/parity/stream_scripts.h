// Draws scripts for streams, servers and datagram sockets.
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

  void add(Kind kind, std::uint8_t slot, std::uint8_t other = 0, std::uint32_t number = 0) {
    script_.push_back({kind, slot, other, number});
  }
  [[nodiscard]] std::uint8_t vacant_slot();
  [[nodiscard]] std::uint8_t slot_in(Role role);
  [[nodiscard]] std::uint32_t some_size();

  void phrase();
  void server_and_clients();
  void step();
  void step_on_stream(std::uint8_t slot);
  void output(std::uint8_t slot);
  void step_on_server(std::uint8_t slot);
  void step_on_datagrams(std::uint8_t slot);

  Random random_;
  Script script_;
  std::array<Role, StreamPlayer::slot_count> roles_{};
};

}  // namespace rondo::test
