// Linux, FreeBSD, NetBSD: a signal is taken, if there is one, by one call.
#include <csignal>
#include <ctime>

#include "calls.h"

namespace rondo::backends {

void take_pending_sigpipe() noexcept {
  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  const timespec no_wait{};
  ::sigtimedwait(&sigpipe, nullptr, &no_wait);  // none pending, where it is ignored: that is fine
}

}  // namespace rondo::backends
