// SPDX-License-Identifier: MIT
// Linux, FreeBSD, NetBSD: one call consumes a pending signal, if there is one.
#include <csignal>
#include <ctime>

#include "calls.h"

namespace rondo::backends {

void take_pending_sigpipe() noexcept {
  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  const timespec no_wait{};
  ::sigtimedwait(&sigpipe, nullptr, &no_wait);  // fails if SIGPIPE is ignored
}

}  // namespace rondo::backends
