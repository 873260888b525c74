// SPDX-License-Identifier: MIT
// The kqueue backend with the behaviour of the emulated systems; OpenBSD behaves like FreeBSD. The
// evil personality is left out: its spurious events make a stream detect an end in another call.
#include "kqueue/emulator.h"
#include "kqueue/make_kqueue.h"
#include "support/backends_under_test.h"

namespace rondo::test {
namespace {

BackendUnderTest entry(const char* name, Personality personality) {
  return {name, [personality] {
            emulate(personality);
            return backends::make_kqueue().value();
          }};
}

}  // namespace

std::vector<BackendUnderTest> backends_under_test() {
  return {entry("kqueue_freebsd", Personality::freebsd), entry("kqueue_xnu", Personality::xnu),
          entry("kqueue_netbsd", Personality::netbsd)};
}

}  // namespace rondo::test
