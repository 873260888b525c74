// The kqueue backend as it is on the systems that are emulated; OpenBSD's is FreeBSD's. Not the
// evil one: what it tells of is not ready, so that a stream finds out what has happened by another
// call.
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
