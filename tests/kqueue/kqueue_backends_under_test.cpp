// The conformance suite on the kqueue backend, as it is on each of the systems that are emulated.
#include <cstdio>
#include <cstdlib>
#include <random>

#include "emulator.h"
#include "make_kqueue.h"
#include "support/backends_under_test.h"

namespace rondo::test {
namespace {

/// The evil personality's, the same for every backend of one run: RONDO_TEST_SEED, or a new one.
std::uint64_t seed() {
  static const std::uint64_t chosen = [] {
    const char* const given = std::getenv("RONDO_TEST_SEED");
    const std::uint64_t number =
        given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
    std::printf("kqueue_evil: RONDO_TEST_SEED=%llu\n", static_cast<unsigned long long>(number));
    return number;
  }();
  return chosen;
}

BackendUnderTest entry(const char* name, Personality personality) {
  return {name, [personality] {
            emulate(personality, personality == Personality::evil ? seed() : 0);
            return backends::make_kqueue().value();
          }};
}

}  // namespace

std::vector<BackendUnderTest> backends_under_test() {
  return {entry("kqueue_freebsd", Personality::freebsd), entry("kqueue_xnu", Personality::xnu),
          entry("kqueue_netbsd", Personality::netbsd),
          entry("kqueue_openbsd", Personality::openbsd), entry("kqueue_evil", Personality::evil)};
}

}  // namespace rondo::test
