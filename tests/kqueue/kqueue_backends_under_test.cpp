// SPDX-License-Identifier: MIT
// The conformance suite on the kqueue backend, with the behaviour of each emulated system.
#include "emulator.h"
#include "make_kqueue.h"
#include "support/backends_under_test.h"
#include "support/seed.h"

namespace rondo::test {
namespace {

BackendUnderTest entry(const char* name, Personality personality) {
  return {name, [personality] {
            emulate(personality, personality == Personality::evil ? chosen_seed() : 0);
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
