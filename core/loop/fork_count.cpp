// SPDX-License-Identifier: MIT
// After fork(2) the child shares the kernel's poller with its parent (epoll) or has none (kqueue).
// It must notice that it is a child before it uses the poller. getpid() would cost a system call
// each time, so a handler of pthread_atfork(3) counts instead. It does not see a child of vfork(2)
// or of a bare clone(2): such a child must not use the reactor.
#include "fork_count.h"

#include <pthread.h>

namespace rondo::detail {

std::atomic<std::uint32_t> forks = 0;

void count_forks() {
  [[maybe_unused]] static const int registered =
      pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
}

}  // namespace rondo::detail
