// SPDX-License-Identifier: MIT
// Runs seeds one after the other: `seeds FIRST COUNT`, or `seeds FIRST COUNT portable` without
// failing allocations, so that the traces are the same in each build. The last line has the hash of
// all traces. The exit status is 1 if a check failed in any of them.
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string_view>

#include "scenario/seeds.h"

namespace {

using rondo::sim::scenario::Allocations;
using rondo::sim::scenario::run_seed;

constexpr std::uint64_t seeds_per_line = 100;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  const auto first = argc > 2 ? number(argv[1]) : std::nullopt;
  const auto count = argc > 2 ? number(argv[2]) : std::nullopt;
  const bool portable = argc == 4 && std::string_view{argv[3]} == "portable";
  if (!first || !count || (argc > 3 && !portable)) {
    std::fputs("usage: seeds FIRST COUNT [portable]\n", stderr);
    return 2;
  }
  std::uint64_t hash = 0;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = *first; seed < *first + *count; ++seed) {
    const auto outcome = run_seed(seed, portable ? Allocations::succeed : Allocations::may_fail);
    hash = hash * 0x9e3779b97f4a7c15U + outcome.hash;
    if (!outcome.report.empty()) {
      ++failed;
      std::printf("FAILED\n%s\n", outcome.report.c_str());
    }
    const std::uint64_t done = seed - *first + 1;
    if (done % seeds_per_line == 0) std::printf("%llu\n", static_cast<unsigned long long>(done));
    std::fflush(stdout);
  }
  std::printf("seeds %llu to %llu: %llu failed, trace %016llx\n",
              static_cast<unsigned long long>(*first),
              static_cast<unsigned long long>(*first + *count - 1),
              static_cast<unsigned long long>(failed), static_cast<unsigned long long>(hash));
  return failed == 0 ? 0 : 1;
}
