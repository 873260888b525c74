// SPDX-License-Identifier: MIT
// chat_in_a_box: the chat under many seeds, in a simulated network with faults. What must hold is
// in agreement.h; docs/sim_seeds.md describes how to write such a test.
#include <cstdint>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "evening.h"

namespace {

int run(std::uint64_t first, std::uint64_t count, const std::string& trace) {
  chat::box::Tally all;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    chat::box::Evening evening{seed};
    if (!trace.empty()) {
      const auto written = evening.world().write_trace(trace);
      if (!written) return rondo::print_error(written.error());
    }
    if (const std::string wrong = evening.run(); !wrong.empty()) {
      const auto number = static_cast<unsigned long long>(seed);
      std::printf("seed %llu: %sreplay: chat_in_a_box --seed %llu --trace FILE\n", number,
                  wrong.c_str(), number);
      return EXIT_FAILURE;
    }
    all.add(evening.tally());
  }
  std::printf("%llu seeds hold: %s\n", static_cast<unsigned long long>(count),
              all.to_string().c_str());
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seeds = 100;
  std::uint64_t seed = 0;
  std::string trace;
  CLI::App app{"The chat in a simulated network with faults, seed by seed.", "chat_in_a_box"};
  app.add_option("--seeds", seeds, "how many to run, from 1 on")->capture_default_str();
  const CLI::Option* const one = app.add_option("--seed", seed, "run this one alone");
  app.add_option("--trace", trace, "a file for what happens in the world, line by line")
      ->needs(app.get_option("--seed"));
  CLI11_PARSE(app, argc, argv);
  return one->count() == 0 ? run(1, seeds, trace) : run(seed, 1, trace);
}
