// SPDX-License-Identifier: MIT
#include "path.h"

#include <algorithm>

#include "misuse.h"

namespace rondo::sim {
namespace {

constexpr std::uint64_t nanoseconds_per_second = 1'000'000'000;

/// Computes whole seconds first, so that nothing overflows.
Duration time_for(std::uint64_t size, std::uint64_t bytes_per_second) noexcept {
  const std::uint64_t seconds = size / bytes_per_second;
  const std::uint64_t rest = size % bytes_per_second;
  const std::uint64_t nanoseconds = bytes_per_second > nanoseconds_per_second
                                        ? rest / (bytes_per_second / nanoseconds_per_second)
                                        : rest * nanoseconds_per_second / bytes_per_second;
  return Duration{static_cast<Duration::rep>(seconds * nanoseconds_per_second + nanoseconds)};
}

}  // namespace

void check(const Link& link) noexcept {
  demand(is_some_time(link.latency), "link: the latency is below zero, or more than a year");
  demand(is_some_time(link.jitter), "link: the jitter is below zero, or more than a year");
  demand(is_probability(link.loss), "link: the loss is a probability, from 0 to 1");
  demand(is_probability(link.duplication), "link: the duplication is a probability, from 0 to 1");
  demand(is_probability(link.reordering), "link: the reordering is a probability, from 0 to 1");
}

TimePoint Path::arrival(TimePoint now, std::size_t size, Order order, unsigned slowness,
                        Random& random) noexcept {
  TimePoint time = now;
  if (link.bandwidth != 0) {
    sent_until_ = std::max(sent_until_, now) + time_for(size, link.bandwidth);
    time = sent_until_;
  }
  time += link.latency * static_cast<Duration::rep>(slowness);
  if (link.jitter > Duration::zero()) {
    time += Duration{static_cast<Duration::rep>(
        random.below(static_cast<std::uint64_t>(link.jitter.count()) + 1))};
  }
  if (order == Order::any) return time;
  return last_arrival_ = std::max(last_arrival_, time);
}

}  // namespace rondo::sim
