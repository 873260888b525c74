// SPDX-License-Identifier: MIT
#include "seeds.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "support/allocation_counter.h"
#include "support/spare_frames.h"

namespace rondo::sim::scenario {
namespace {

constexpr std::int64_t unknown = std::numeric_limits<std::int64_t>::min();
constexpr unsigned seconds_max = 120;  // in real time; a seed usually takes milliseconds

volatile std::sig_atomic_t seed_high = 0;
volatile std::sig_atomic_t seed_low = 0;

/// Handles an assertion, an exception in a noexcept function, a crash, or the time limit.
void tell_seed(int signal) {
  const std::uint64_t seed =
      static_cast<std::uint64_t>(seed_high) << 24U | static_cast<std::uint64_t>(seed_low);
  // Not safe in a signal handler in general, but here the program is about to end.
  std::fprintf(stderr, "ended by signal %d in seed %llu; to replay: RONDO_SIM_SEED=%llu\n", signal,
               static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
  (void)std::signal(signal, SIG_DFL);  // the cause raises the signal again, which ends the program
}

/// If a sanitizer has a handler of its own, it reports more.
bool print_seed_at_the_end() {
  for (const int signal : {SIGABRT, SIGSEGV, SIGALRM}) {
    const auto before = std::signal(signal, tell_seed);
    if (before != SIG_DFL) (void)std::signal(signal, before);  // it existed before
  }
  return true;
}

/// Allocations that the world or the library makes once are not leaks. They are made here, except
/// if a trace is wanted, which must not contain another world.
std::int64_t live_before(std::uint64_t seed) {
  static const bool warm = [seed] {
    if (std::getenv("RONDO_SIM_TRACE") != nullptr) return false;
    Scene scene{seed, Allocations::succeed};
    scene.run();
    return true;
  }();
  test::free_spare_frames();
  if (!warm) return unknown;
  return test::live_allocations();
}

}  // namespace

Outcome run_seed(std::uint64_t seed, Allocations allocations) {
  static const bool prints = print_seed_at_the_end();
  (void)prints;                                         // only once
  (void)test::fail_allocations_when(allocation_fails);  // if this build can count
  seed_high = static_cast<std::sig_atomic_t>(seed >> 24U & 0x7fffffffU);
  seed_low = static_cast<std::sig_atomic_t>(seed & 0xffffffU);
  const std::int64_t live = live_before(seed);
  (void)::alarm(seconds_max);  // there is no other one
  Outcome outcome;
  {
    Scene scene{seed, allocations};
    scene.run();
    outcome.hash = scene.hash();
    for (const std::string& violation : scene.violations()) outcome.report += violation + '\n';
    if (!outcome.report.empty()) outcome.report += scene.world.report();
  }
  (void)::alarm(0);  // within the time limit
  test::free_spare_frames();
  if (outcome.report.empty() && live != unknown && test::live_allocations() != live) {
    outcome.report = "seed " + std::to_string(seed) + ": " +
                     std::to_string(test::live_allocations() - live) + " allocations are left";
  }
  return outcome;
}

}  // namespace rondo::sim::scenario
