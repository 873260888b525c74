// SPDX-License-Identifier: MIT
// load: what every load has in common: the measuring, the deadline, the detection of silence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "histogram.h"
#include "progress.h"

namespace load {

struct Measurement {
  std::uint64_t messages = 0;  ///< that came back; of a churn: connections
  std::uint64_t duration_ns = 0;
  std::uint64_t server_cpu_ns = 0;
  std::uint64_t resumed = 0;         ///< in a churn with TLS: connections that resumed a session
  std::uint64_t streamed_bytes = 0;  ///< that came back to a firehose
  Histogram latency_ns;
};

/// One way to keep an echo server busy. What comes back is compared with what was sent. A
/// difference, or 20 seconds of silence, ends the process with a message.
class Load {
 public:
  /// `server_pid` is the process whose CPU time is counted, 0 for none.
  Load(int server_pid, Progress& progress) noexcept;
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  virtual ~Load() = default;

  /// Prepares a measurement. Returns how many clients there are.
  virtual std::size_t connect(std::size_t count) = 0;
  /// Works for `warm_up_ns`, and then for `duration_ns`, which is measured. Afterwards nothing is
  /// in flight.
  Measurement measure(std::uint64_t warm_up_ns, std::uint64_t duration_ns);
  /// Exchanges this many messages in all.
  virtual Measurement exchange(std::uint64_t messages);

  /// The errno that stopped connect() early, or 0.
  [[nodiscard]] virtual int exhaustion() const noexcept { return 0; }
  /// Clients whose connection the server has ended.
  [[nodiscard]] virtual std::size_t lost() const noexcept { return 0; }

 protected:
  /// Sends the first messages, as far as may_begin() allows.
  virtual void begin() = 0;
  /// Waits until something has come, or until `until_ns` at most, and works on it.
  virtual void turn(std::uint64_t until_ns) = 0;
  /// Whether a reply is still due.
  [[nodiscard]] virtual bool is_busy() const noexcept = 0;
  /// Called at the end of the measured time: nothing new is begun, and what is in flight arrives.
  virtual void finish(Measurement& result);

  /// Runs turns until the deadline, or until nothing is in flight.
  void run_until(std::uint64_t deadline_ns);
  /// Ends the process if no message has come back for too long.
  void check_silence(std::uint64_t now) noexcept;
  /// Whether one message more may be sent; it is counted.
  [[nodiscard]] bool may_begin() noexcept {
    if (unsent_ == 0) return false;
    --unsent_;
    return true;
  }

  static constexpr std::uint64_t without_limit = std::numeric_limits<std::uint64_t>::max();

  Measurement measurement_;   // since the measuring began
  std::uint64_t unsent_ = 0;  // messages that may still be sent
  int server_pid_;
  Progress& progress_;

 private:
  template <typename Run>
  Measurement measured(Run run);

  std::uint64_t heard_ = 0;    // messages that had come back
  std::uint64_t heard_at_ns_;  // when that was seen
};

}  // namespace load
