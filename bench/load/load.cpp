// SPDX-License-Identifier: MIT
// How many messages may still be sent decides everything: no limit while time is measured, a number
// in a run of so many messages, zero while the last replies are awaited. Between two measurements
// nothing is in flight.
#include "load.h"

#include "system.h"

namespace load {
namespace {

constexpr std::uint64_t silence_max_ns = 20 * ns_per_second;

}  // namespace

Load::Load(int server_pid, Progress& progress) noexcept
    : server_pid_(server_pid), progress_(progress), heard_at_ns_(now_ns()) {}

template <typename Run>
Measurement Load::measured(Run run) {
  measurement_ = {};
  heard_ = 0;
  const std::uint64_t cpu_ns = cpu_ns_of(server_pid_);
  const std::uint64_t start = now_ns();
  run();
  Measurement result = measurement_;
  result.duration_ns = now_ns() - start;
  result.server_cpu_ns = cpu_ns_of(server_pid_) - cpu_ns;
  return result;
}

Measurement Load::measure(std::uint64_t warm_up_ns, std::uint64_t duration_ns) {
  unsent_ = without_limit;
  begin();
  run_until(now_ns() + warm_up_ns);
  Measurement result = measured([&] { run_until(now_ns() + duration_ns); });
  finish(result);
  return result;
}

Measurement Load::exchange(std::uint64_t messages) {
  unsent_ = messages;
  return measured([this] {
    begin();
    run_until(without_limit);
  });
}

void Load::finish(Measurement&) {
  unsent_ = 0;
  run_until(without_limit);
}

void Load::run_until(std::uint64_t deadline_ns) {
  heard_at_ns_ = now_ns();
  std::uint64_t shown_at = heard_at_ns_;
  std::uint64_t shown = measurement_.messages;
  while (is_busy()) {
    const std::uint64_t now = now_ns();
    if (now >= deadline_ns) return;
    check_silence(now);
    if (progress_.is_due(now) && now > shown_at) {
      const auto messages = static_cast<double>(measurement_.messages - shown);
      const double seconds =
          static_cast<double>(now - shown_at) / static_cast<double>(ns_per_second);
      progress_.show("exchanging", messages / seconds, "messages/s");
      shown_at = now;
      shown = measurement_.messages;
    }
    turn(deadline_ns);
  }
}

void Load::check_silence(std::uint64_t now) noexcept {
  if (measurement_.messages != heard_) {
    heard_ = measurement_.messages;
    heard_at_ns_ = now;
  } else if (now > heard_at_ns_ + silence_max_ns) {
    die("the server does not answer");
  }
}

}  // namespace load
