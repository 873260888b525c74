// SPDX-License-Identifier: MIT
// micro: runs what the other files have registered. See --help for how to choose among them.
#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
