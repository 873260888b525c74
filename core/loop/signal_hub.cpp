// SPDX-License-Identifier: MIT
// The model. A signal handler may interrupt any code, in any thread. So it only sets a bit in each
// inbox that collects the signal, and calls Backend::wake(), which writes to an open descriptor. It
// preserves errno. The inboxes are a static array: they have no lifetime, and the handler takes no
// lock.
//
// The handler of SIGCHLD that was installed before ours is called too, and so is any handler that
// another library installs over ours (keep_handler): the children of such a library are its own
// business, and it would not learn of their ends.
//
// To release an inbox, the pointer to its backend is cleared first. Then the caller waits until no
// handler is running, so that no handler wakes a backend that is being destroyed. Handlers are
// short and take no lock, so this wait is short.
//
// A forked child inherits the inboxes, emptied of what has arrived for the parent: its signals set
// bits in its own copy, and its reactor finds them in its next turn. Until the child has
// reinitialised its backend, its handler wakes none, because it would wake the parent's.
#include "signal_hub.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <thread>

#include <rondo/assert.h>
#include <rondo/result.h>

#include "fork_count.h"

namespace rondo::detail {
namespace {

constexpr std::size_t inboxes_max = 64;

std::array<SignalInbox, inboxes_max> inboxes;
std::atomic<int> handlers_under_way = 0;

using PlainHandler = void (*)(int);
using InfoHandler = void (*)(int, siginfo_t*, void*);

/// A handler of other code, which ours calls. At most one of the two is set.
struct Chained {
  std::atomic<PlainHandler> plain = nullptr;
  std::atomic<InfoHandler> info = nullptr;
};
std::array<Chained, signals_max> chained;

/// The threads that are calling a handler of other code. If that handler calls ours in turn,
/// because it was installed over ours, the circle ends here.
std::array<std::atomic<std::thread::id>, 16> chaining;

class ChainedCall {
 public:
  ChainedCall() noexcept {
    const std::thread::id self = std::this_thread::get_id();
    for (auto& slot : chaining)
      if (slot.load() == self) return;
    for (auto& slot : chaining) {
      std::thread::id expected{};
      if (!slot.compare_exchange_strong(expected, self)) continue;
      slot_ = &slot;
      return;
    }
  }
  ChainedCall(const ChainedCall&) = delete;
  ChainedCall& operator=(const ChainedCall&) = delete;
  ~ChainedCall() {
    if (slot_ != nullptr) slot_->store(std::thread::id{});
  }
  [[nodiscard]] bool may_call() const noexcept { return slot_ != nullptr; }

 private:
  std::atomic<std::thread::id>* slot_ = nullptr;
};

struct Installed {
  std::size_t inboxes = 0;
  struct sigaction before{};
};
std::mutex subscriptions_mutex;
std::array<Installed, signals_max> installed;  // guarded by the mutex

std::size_t index_of(int number) noexcept { return static_cast<std::size_t>(number - 1); }

/// Lets the signal have its default effect. It is blocked while the handler runs, so it arrives
/// afterwards.
void take_default(int number) noexcept {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  (void)sigaction(number, &action, nullptr);  // the same call installed the handler
  (void)raise(number);                        // a valid number
}

void put_into(SignalInbox& inbox, int number) noexcept {
  const std::uint64_t bit = signal_bit(number);
  if ((inbox.wanted.load() & bit) == 0) return;
  if ((inbox.insistent.load() & bit) != 0 && inbox.insistent_arrivals.fetch_add(1) >= 2) {
    take_default(number);
  }
  inbox.pending.fetch_or(bit);
  Backend* const backend = inbox.backend.load();
  if (backend != nullptr && inbox.forks.load() == fork_count()) backend->wake();
}

void collect(int number, siginfo_t* info, void* context) noexcept {
  const int saved_errno = errno;
  handlers_under_way.fetch_add(1);
  for (SignalInbox& inbox : inboxes) put_into(inbox, number);
  handlers_under_way.fetch_sub(1);
  const Chained& other = chained[index_of(number)];
  const PlainHandler plain = other.plain.load();
  const InfoHandler with_info = other.info.load();
  if (plain != nullptr || with_info != nullptr) {
    const ChainedCall call;
    if (call.may_call() && plain != nullptr) plain(number);
    if (call.may_call() && with_info != nullptr) with_info(number, info, context);
  }
  errno = saved_errno;
}

bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == collect;
}

void chain(int number, const struct sigaction& other) noexcept {
  Chained& slot = chained[index_of(number)];
  const bool has_info = (other.sa_flags & SA_SIGINFO) != 0;
  const bool is_function = has_info || (other.sa_handler != SIG_DFL && other.sa_handler != SIG_IGN);
  slot.plain.store(is_function && !has_info ? other.sa_handler : nullptr);
  slot.info.store(has_info ? other.sa_sigaction : nullptr);
}

std::error_code install(int number, struct sigaction& before) noexcept {
  struct sigaction action{};
  action.sa_sigaction = collect;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  sigfillset(&action.sa_mask);
  return sigaction(number, &action, &before) == 0 ? std::error_code{} : last_system_error();
}

/// Installs our handler, which calls the one that it replaces. It knows that one before it is
/// installed: the first signal may arrive while the call returns.
std::error_code install_and_chain(int number, struct sigaction& before) noexcept {
  struct sigaction current{};
  if (sigaction(number, nullptr, &current) == 0 && !is_ours(current)) chain(number, current);
  if (const std::error_code error = install(number, before)) return error;
  if (!is_ours(before)) chain(number, before);
  return {};
}

/// Whether a child has ended and no code has waited for it yet.
bool child_has_ended() noexcept {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/// If a fork happens while another thread holds the mutex or runs a handler, the child must not
/// block. What has arrived is the parent's.
void survive_forks() {
  [[maybe_unused]] static const int registered =
      pthread_atfork([] { subscriptions_mutex.lock(); }, [] { subscriptions_mutex.unlock(); },
                     [] {
                       handlers_under_way.store(0);
                       for (SignalInbox& inbox : inboxes) {
                         inbox.pending.store(0);
                         inbox.insistent_arrivals.store(0);
                       }
                       for (auto& slot : chaining) slot.store(std::thread::id{});
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
    if (!inbox.backend.compare_exchange_strong(expected, &backend)) continue;
    inbox.forks.store(fork_count());
    return &inbox;
  }
  return nullptr;
}

void release_inbox(SignalInbox& inbox) noexcept {
  RONDO_ASSERT(inbox.wanted.load() == 0 && inbox.insistent.load() == 0);
  wait_for_handlers();
  inbox.pending.store(0);
  inbox.backend.store(nullptr);
}

std::error_code begin_collecting(SignalInbox& inbox, int number) noexcept {
  RONDO_ASSERT(number >= 1 && number <= signals_max);
  const std::lock_guard lock{subscriptions_mutex};
  Installed& entry = installed[index_of(number)];
  if (entry.inboxes == 0) {
    const auto put = number == SIGCHLD ? install_and_chain : install;
    if (const std::error_code error = put(number, entry.before)) return error;
  }
  ++entry.inboxes;
  // What arrived for an earlier Signal of this number is not for this one.
  wait_for_handlers();
  inbox.pending.fetch_and(~signal_bit(number));
  inbox.wanted.fetch_or(signal_bit(number));
  return {};
}

void keep_handler(SignalInbox& inbox, int number) noexcept {
  struct sigaction current{};
  if (sigaction(number, nullptr, &current) != 0 || is_ours(current)) return;
  {
    const std::lock_guard lock{subscriptions_mutex};
    struct sigaction replaced{};
    if (install_and_chain(number, replaced) || is_ours(replaced)) return;
    installed[index_of(number)].before = replaced;
  }
  // A child may have ended while the other handler was alone, or none was installed.
  if (number == SIGCHLD && child_has_ended()) inbox.pending.fetch_or(signal_bit(number));
}

void end_collecting(SignalInbox& inbox, int number) noexcept {
  const std::lock_guard lock{subscriptions_mutex};
  Installed& entry = installed[index_of(number)];
  RONDO_ASSERT(entry.inboxes > 0);
  inbox.wanted.fetch_and(~signal_bit(number));
  if (--entry.inboxes > 0) return;
  struct sigaction current{};
  // A handler that other code installed after ours stays.
  if (sigaction(number, nullptr, &current) == 0 && is_ours(current)) {
    (void)sigaction(number, &entry.before, nullptr);  // the same call succeeded before
  }
  chain(number, {});
}

}  // namespace rondo::detail
