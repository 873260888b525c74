// SPDX-License-Identifier: MIT
// Moves the deadline of one of 100,000 timers, chosen at random each time, as a timeout does with
// every message.
// bench/costs counts its instructions. Usage: rearm at|after|choose COUNT; `choose` only chooses a
// timer, so that the cost of that can be subtracted.
//
// The work is done in turns of a running reactor, a thousand timers each, so that the turn's time
// moves on and the cost of a turn is in the figure.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

#include <rondo/reactor.h>
#include <rondo/timer.h>

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t timers_count = 100'000;
constexpr std::uint64_t rearms_per_turn = 1000;
constexpr auto timeout = 60s;

enum class Way { at, after, choose };

class Rearmer {
 public:
  Rearmer(rondo::Reactor& reactor, Way way, std::uint64_t count)
      : reactor_(reactor), way_(way), left_(count) {
    timers_.reserve(timers_count);
    for (std::uint32_t i = 0; i < timers_count; ++i)
      timers_.emplace_back(reactor, [] { std::abort(); }).arm_after(timeout);
  }

  void run_turn() {
    if (left_ == 0) return reactor_.stop();
    const std::uint64_t count = std::min(left_, rearms_per_turn);
    left_ -= count;
    if (way_ == Way::at) {
      for (std::uint64_t i = 0; i < count; ++i) any().arm_at(reactor_.now() + timeout);
    } else if (way_ == Way::after) {
      for (std::uint64_t i = 0; i < count; ++i) any().arm_after(timeout);
    } else {
      for (std::uint64_t i = 0; i < count; ++i) armed_ += any().armed();
    }
    reactor_.defer([this] { run_turn(); });
  }

 private:
  rondo::Timer& any() noexcept {
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX
    return timers_[((random_ >> 32U) * timers_count) >> 32U];
  }

  rondo::Reactor& reactor_;
  Way way_;
  std::uint64_t left_;
  std::uint64_t random_ = 1;
  std::uint64_t armed_ = 0;
  std::vector<rondo::Timer> timers_;
};

std::optional<Way> way_of(std::string_view name) {
  if (name == "at") return Way::at;
  if (name == "after") return Way::after;
  if (name == "choose") return Way::choose;
  return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  const auto way = way_of(argc == 3 ? argv[1] : "");
  if (!way) {
    std::fprintf(stderr, "usage: rearm at|after|choose COUNT\n");
    return EXIT_FAILURE;
  }
  rondo::Reactor reactor;
  Rearmer rearmer{reactor, *way, std::strtoull(argv[2], nullptr, 10)};
  reactor.defer([&rearmer] { rearmer.run_turn(); });
  return reactor.run() ? EXIT_SUCCESS : EXIT_FAILURE;
}
