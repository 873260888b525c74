// SPDX-License-Identifier: MIT
// The output of a DatagramSocket: what waits to be sent, and when it may be sent.
//
//   ready      nothing is in the way; send() schedules a flush, except while a callback runs
//   scheduled  a flush is deferred to before the next wait
//   blocked    the system takes no more: until the socket is writable
//   stalled    the socket is writable and yet takes nothing: until a timer
//
//   ready ---- schedule() ---> scheduled          blocked, stalled ---- unblock() ---> ready
//   ready, scheduled ---- flush() ---> ready, blocked or stalled
//
// A Unix socket without a peer stalls: it is always writable, even if the receiver's queue is full.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <rondo/datagram.h>
#include <rondo/endpoint.h>
#include <rondo/function.h>
#include <rondo/net.h>
#include <rondo/timer.h>

#include "datagram_buffers.h"
#include "datagram_queue.h"
#include "loop/fork_count.h"

namespace rondo::detail {

class DatagramWriter {
 public:
  enum class Trigger : bool { sending, writable };

  /// Calls `on_retry` when a stalled output may be flushed again.
  DatagramWriter(Reactor& reactor, DatagramBuffers& buffers, DatagramQueue::Route route,
                 const DatagramOptions& options, Function<void()> on_retry);

  /// In a forked child: forgets what waited at the fork, since the parent sends it. Call it before
  /// anything else.
  void drop_inherited() noexcept {
    if (queue_ && forks_ != fork_count()) [[unlikely]] {
      forget();
      failures_.clear();
    }
  }

  [[nodiscard]] bool can_flush() const noexcept {
    return (queue_ || !failures_.empty()) && (state_ == State::ready || state_ == State::scheduled);
  }
  [[nodiscard]] bool is_scheduled() const noexcept { return state_ == State::scheduled; }
  [[nodiscard]] bool is_blocked() const noexcept { return state_ == State::blocked; }
  [[nodiscard]] std::size_t unsent_bytes() const noexcept {
    return queue_ ? queue_->unsent_bytes() : 0;
  }

  /// Returns false if write_buffer_max would be exceeded. `to` and `source` may be null.
  bool add(Bytes data, const Endpoint* to, const MessageInfo* source);

  /// Makes room: offers to the system what waits, unless it is known to take no more. The next
  /// flushes return what has failed.
  void offer(DatagramSocket::Counters& counters);
  [[nodiscard]] bool has_failures() const noexcept { return !failures_.empty(); }

  /// Sends until nothing is left, the output is blocked or stalled, or a datagram fails: then the
  /// failure is returned, and the caller may go on.
  std::optional<DatagramQueue::Failure> flush(Trigger trigger,
                                              DatagramSocket::Counters& counters) noexcept;

  /// Tries to send what is left, whatever the state. Reports nothing.
  void send_now(DatagramSocket::Counters& counters) noexcept;

  // Transitions.
  /// Returns false if a flush is scheduled already, or has to wait.
  [[nodiscard]] bool schedule() noexcept;
  void stall(DatagramSocket::Counters& counters) noexcept;
  void unblock() noexcept;
  /// After send_now(): drops the rest.
  void close() noexcept;

 private:
  enum class State : std::uint8_t { ready, scheduled, blocked, stalled };

  void wait(State state, DatagramSocket::Counters& counters) noexcept;
  /// Gives back the queue, whatever is in it.
  void forget() noexcept;

  static constexpr Duration retry_after = std::chrono::milliseconds{1};

  DatagramBuffers& buffers_;
  DatagramQueue::Route route_;
  const std::size_t buffer_max_;
  const bool keep_unsent_;
  State state_ = State::ready;
  std::unique_ptr<DatagramQueue> queue_;          // borrowed while something waits
  std::uint32_t forks_ = 0;                       // when it was borrowed
  std::vector<DatagramQueue::Failure> failures_;  // those of offer() that are not reported yet
  std::optional<Timer> timer_;                    // until close(); not referenced, as the watch is
};

}  // namespace rondo::detail
