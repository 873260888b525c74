// load: what a load can be asked for, and what it tells.
#pragma once

#include <cstddef>
#include <cstdint>

#include "histogram.h"

namespace load {

struct Measurement {
  std::uint64_t messages = 0;  ///< that came back; of a churn: connections
  std::uint64_t duration_ns = 0;
  std::uint64_t server_cpu_ns = 0;
  std::uint64_t streamed_bytes = 0;  ///< that a firehose got back
  Histogram latency_ns;
};

/// One way to keep an echo server busy. What comes back is compared with what was sent; a
/// difference, and silence, end the process with a message.
class Load {
 public:
  Load() = default;
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  virtual ~Load() = default;

  /// Makes what is to be there before a measurement begins. Returns how many clients there are.
  virtual std::size_t connect(std::size_t count) = 0;
  /// Works for `warm_up_ns`, and then for `duration_ns`, which is measured. Nothing is in flight
  /// afterwards.
  virtual Measurement measure(std::uint64_t warm_up_ns, std::uint64_t duration_ns) = 0;
  /// Exchanges this many messages in all.
  virtual Measurement exchange(std::uint64_t messages) = 0;

  /// The errno that stopped connect() early, or 0.
  [[nodiscard]] virtual int exhaustion() const noexcept { return 0; }
  /// Clients whose connection was ended by the server.
  [[nodiscard]] virtual std::size_t lost() const noexcept { return 0; }
};

}  // namespace load
