// A child shares the kernel's poller with its parent (epoll) or has none (kqueue). It must know
// that it is a child before it touches either; asking getpid() each time would cost a system call,
// so pthread_atfork(3) counts instead. A child of vfork or of a bare clone(2) is not seen: it must
// not use the reactor.
#include "fork_count.h"

#include <pthread.h>

namespace rondo::detail {

std::atomic<std::uint32_t> forks = 0;

void count_forks() {
  [[maybe_unused]] static const int registered =
      pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
}

}  // namespace rondo::detail
