// SPDX-License-Identifier: MIT
// The handshakes of layers take turns. A step may cost as much time as a thousand messages, since
// it computes signatures: so a few of them are taken in each turn, at its end, in the order in
// which they became possible. A stream that waits for its step is not of interest to the poller.
//
// Handshakes that peers begin cost memory from their first step on: beyond a number of them, others
// wait before theirs, until their timeout.
#pragma once

#include <cstddef>

#include "run_queue.h"

namespace rondo::detail {

class HandshakeQueue {
 public:
  static constexpr unsigned steps_per_turn = 4;
  static constexpr std::size_t begun_max = 1'000;

  /// One more stream whose handshake is not done. May throw std::bad_alloc.
  void add();
  void remove() noexcept { --count_; }

  /// Whether a step may be taken at once: none waits, and this turn has one left.
  [[nodiscard]] bool take_step(bool begins) noexcept {
    if (steps_left_ == 0 || !(begins ? first_steps_ : next_steps_).empty()) return false;
    if (begins && begun_ >= begun_max) return false;
    --steps_left_;
    return true;
  }
  /// Otherwise the stream waits for next(), and is in the queue until then.
  void wait(StreamImpl& stream, bool begins) noexcept {
    (begins ? first_steps_ : next_steps_).push(stream);
  }
  void leave(StreamImpl& stream, bool begins) noexcept {
    (begins ? first_steps_ : next_steps_).remove(stream);
  }
  void begin_turn() noexcept { steps_left_ = steps_per_turn; }
  /// The stream that may take the next step of this turn; null if there is none.
  [[nodiscard]] StreamImpl* next() noexcept;
  [[nodiscard]] bool has_next() const noexcept {
    return !next_steps_.empty() || (!first_steps_.empty() && begun_ < begun_max);
  }

  void begun() noexcept { ++begun_; }
  void ended() noexcept { --begun_; }

 private:
  RunQueue first_steps_;  // the first ones of handshakes that peers begin
  RunQueue next_steps_;
  unsigned steps_left_ = steps_per_turn;
  std::size_t count_ = 0;  // all streams whose handshake is not done
  std::size_t begun_ = 0;  // those that a peer has begun
};

}  // namespace rondo::detail
