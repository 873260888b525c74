// SPDX-License-Identifier: MIT
// A slot in which the loop keeps the state of a room above it, for example what the streams of one
// reactor share. The loop knows no more about that state than this interface.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rondo::detail {

/// The rooms that keep state for each reactor, and the part of the loop that few programs use.
enum class Room : std::uint8_t {
  shared_watch,
  socket,
  coroutine,
  stream,
  datagram,
  process,
};
constexpr std::size_t room_count = 6;

/// The state that a room keeps for one reactor. It is made on first use and destroyed with the
/// loop. A derived class names its room: `static constexpr Room room`.
class PerReactor {
 public:
  PerReactor() = default;
  PerReactor(const PerReactor&) = delete;
  PerReactor& operator=(const PerReactor&) = delete;
  virtual ~PerReactor() = default;

  /// This process is a child that was forked: what the room has made so far is the parent's too. It
  /// may be called from inside any call of the loop, before that uses the backend.
  virtual void forked() noexcept {}
  /// Whether end_turn() has something to do. The loop calls it only after
  /// Loop::request_end_of_turn().
  [[nodiscard]] virtual bool pending() const noexcept { return false; }
  /// Called before the loop waits and at the end of each turn while something is pending. It may
  /// call users, and it may throw what they throw.
  virtual void end_turn() {}
};

}  // namespace rondo::detail
