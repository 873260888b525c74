// SPDX-License-Identifier: MIT
// The input of a DatagramSocket: when it may be read, and what one system call brings.
//
//       too many errors, exhaustion            an error that lasts, the end
//   +----------------------------------- open ------------------------------+
//   v                                    ^  ^                               v
// resting ------------ 10 ms ------------+  +----------- resume() -------- ended
//
// Whether the user has paused the input is independent of this state.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>

#include <rondo/datagram.h>
#include <rondo/function.h>
#include <rondo/net.h>
#include <rondo/timer.h>

#include "datagram_buffers.h"

namespace rondo {

class Reactor;

namespace detail {

class DatagramReader {
 public:
  /// What one call of receive() found. The datagrams are in the batch.
  struct Outcome {
    std::error_code error{};
    bool is_end = false;         ///< the peer of a seqpacket socket has closed it
    bool may_have_more = false;  ///< if not, the poller reports what comes later
  };

  /// Calls `on_rested` when the input may be read again after a rest.
  DatagramReader(Reactor& reactor, Socket& socket, const DatagramOptions& options,
                 Function<void()> on_rested);

  [[nodiscard]] bool is_reading() const noexcept { return state_ == State::open && !paused_; }
  [[nodiscard]] std::size_t size_max() const noexcept { return size_max_; }

  /// At most `datagrams_max`, but more where the kernel has joined several (GRO). An error has
  /// already changed the state.
  Outcome receive(DatagramBatch& batch, std::size_t datagrams_max,
                  DatagramSocket::Counters& counters);

  // Transitions.
  void pause() noexcept { paused_ = true; }
  void resume() noexcept;
  void end() noexcept;
  void close() noexcept;

 private:
  enum class State : std::uint8_t { open, resting, ended };

  void fail(std::error_code error) noexcept;
  void rest() noexcept;
  void end_rest();
  [[nodiscard]] bool split(DatagramBatch& batch, std::span<const Message> messages,
                           DatagramSocket::Counters& counters) const;

  static constexpr Duration rest_time = std::chrono::milliseconds{10};
  static constexpr std::size_t errors_in_a_row_max = 64;

  Net& net_;
  const int fd_;
  const bool is_seqpacket_;
  const std::size_t size_max_;
  State state_ = State::open;
  bool paused_ = false;
  std::size_t errors_in_a_row_ = 0;
  Function<void()> on_rested_;
  std::optional<Timer> timer_;  // until close(); not referenced, as the watch is
};

}  // namespace detail
}  // namespace rondo
