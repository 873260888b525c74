// SPDX-License-Identifier: MIT
#include "support/seed.h"

#include <cstdio>
#include <cstdlib>
#include <random>

namespace rondo::test {

std::uint64_t chosen_seed() {
  static const std::uint64_t drawn = std::random_device{}();
  const char* const given = std::getenv("RONDO_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : drawn;
  std::printf("RONDO_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace rondo::test
