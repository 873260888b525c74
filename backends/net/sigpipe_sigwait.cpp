// SPDX-License-Identifier: MIT
// macOS and OpenBSD have no sigtimedwait: check for a pending signal first, so that sigwait does
// not block.
#include <csignal>

#include "calls.h"

namespace rondo::backends {

void take_pending_sigpipe() noexcept {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  if (sigismember(&pending, SIGPIPE) != 1) return;
  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  int number = 0;
  sigwait(&sigpipe, &number);
}

}  // namespace rondo::backends
