// The model. A signal handler may interrupt any code, in any thread. So it only sets a bit in each
// inbox that collects the signal, and calls Backend::wake(), which writes to an open descriptor. It
// preserves errno. The inboxes are a static array: they have no lifetime, and the handler takes no
// lock.
//
// To release an inbox, the pointer to its backend is cleared first. Then the caller waits until no
// handler is running, so that no handler wakes a backend that is being destroyed. Handlers are
// short and take no lock, so this wait is short.
//
// A forked child inherits the inboxes as they are: its signals set bits in its own copy, and its
// reactor finds them in its next turn. A wake-up in the child before it has reinitialised its
// backend may also wake the parent, which finds nothing.
#include "signal_hub.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <array>
#include <cerrno>
#include <mutex>

#include <rondo/assert.h>
#include <rondo/result.h>

namespace rondo::detail {
namespace {

constexpr std::size_t inboxes_max = 64;

std::array<SignalInbox, inboxes_max> inboxes;
std::atomic<int> handlers_under_way = 0;

struct Installed {
  std::size_t inboxes = 0;
  struct sigaction before{};
};
std::mutex subscriptions_mutex;
std::array<Installed, signals_max> installed;  // guarded by the mutex

void collect(int number) noexcept {
  const int saved_errno = errno;
  handlers_under_way.fetch_add(1);
  for (SignalInbox& inbox : inboxes) {
    if ((inbox.wanted.load() & signal_bit(number)) == 0) continue;
    inbox.pending.fetch_or(signal_bit(number));
    if (Backend* const backend = inbox.backend.load()) backend->wake();
  }
  handlers_under_way.fetch_sub(1);
  errno = saved_errno;
}

/// If a fork happens while another thread holds the mutex or runs a handler, the child must not
/// block.
void survive_forks() {
  [[maybe_unused]] static const int registered =
      pthread_atfork([] { subscriptions_mutex.lock(); }, [] { subscriptions_mutex.unlock(); },
                     [] {
                       handlers_under_way.store(0);
                       subscriptions_mutex.unlock();
                     });
}

void wait_for_handlers() noexcept {
  while (handlers_under_way.load() != 0) sched_yield();
}

}  // namespace

SignalInbox* claim_inbox(Backend& backend) noexcept {
  survive_forks();
  for (SignalInbox& inbox : inboxes) {
    Backend* expected = nullptr;
    if (inbox.backend.compare_exchange_strong(expected, &backend)) return &inbox;
  }
  return nullptr;
}

void release_inbox(SignalInbox& inbox) noexcept {
  RONDO_ASSERT(inbox.wanted.load() == 0);
  wait_for_handlers();
  inbox.pending.store(0);
  inbox.backend.store(nullptr);
}

std::error_code begin_collecting(SignalInbox& inbox, int number) noexcept {
  RONDO_ASSERT(number >= 1 && number <= signals_max);
  const std::lock_guard lock{subscriptions_mutex};
  Installed& entry = installed[static_cast<std::size_t>(number - 1)];
  if (entry.inboxes == 0) {
    struct sigaction action{};
    action.sa_handler = collect;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    if (sigaction(number, &action, &entry.before) != 0) return last_system_error();
  }
  ++entry.inboxes;
  inbox.wanted.fetch_or(signal_bit(number));
  return {};
}

void end_collecting(SignalInbox& inbox, int number) noexcept {
  const std::lock_guard lock{subscriptions_mutex};
  Installed& entry = installed[static_cast<std::size_t>(number - 1)];
  RONDO_ASSERT(entry.inboxes > 0);
  inbox.wanted.fetch_and(~signal_bit(number));
  if (--entry.inboxes > 0) return;
  struct sigaction current{};
  // A handler that other code installed after ours stays.
  if (sigaction(number, nullptr, &current) == 0 && current.sa_handler == collect) {
    (void)sigaction(number, &entry.before, nullptr);  // the same call succeeded before
  }
}

}  // namespace rondo::detail
