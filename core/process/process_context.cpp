// SPDX-License-Identifier: MIT
// Where the system has no descriptor that reports the end of a process, SIGCHLD does. It is only a
// hint to look: signals merge, the thread may block it, and other code may replace its handler. So
// a timer looks too, once in a second, and more often if the signal cannot be had. It cannot if
// this program ignores SIGCHLD: a handler would leave the children of other code in the system's
// table, which the kernel removes by itself now.
#include "process_context.h"

#include <signal.h>

#include <chrono>
#include <new>

#include <rondo/assert.h>
#include <rondo/reactor.h>

#include "process_impl.h"

namespace rondo::detail {
namespace {

constexpr Duration check_period_with_signal = std::chrono::seconds{1};
constexpr Duration check_period = std::chrono::milliseconds{20};

bool sigchld_is_free() noexcept {
  struct sigaction current{};
  if (::sigaction(SIGCHLD, nullptr, &current) != 0) return false;
  return current.sa_handler == SIG_DFL && (current.sa_flags & SA_NOCLDWAIT) == 0;
}

}  // namespace

ProcessContext& ProcessContext::of(Reactor& reactor) {
  Loop& loop = *reactor.loop_;
  return loop.per_reactor<ProcessContext>(reactor, loop);
}

ProcessContext::ProcessContext(Reactor& reactor, Loop& loop)
    : reactor_(reactor), loop_(loop), timer_(reactor, [this] { check(); }) {
  timer_.unref();  // each process keeps the reactor running by itself
}

ProcessContext::~ProcessContext() {
  while (first_ != nullptr) {
    RONDO_REQUIRE(first_->is_retired(),
                  "a Reactor was destroyed before a Process of it. Destroy the Process first: "
                  "declare it after the reactor.");
    first_->leave_reactor();
  }
}

void ProcessContext::add(ProcessImpl& process) noexcept {
  process.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &process;
  first_ = &process;
}

void ProcessContext::remove(ProcessImpl& process) noexcept {
  (process.previous_ != nullptr ? process.previous_->next_ : first_) = process.next_;
  if (process.next_ != nullptr) process.next_->previous_ = process.previous_;
}

void ProcessContext::begin_checks() noexcept {
  if (!signal_) listen_to_signal();
  check_soon();  // it may have ended before the signal was listened to
}

void ProcessContext::listen_to_signal() noexcept try {
  if (!sigchld_is_free()) return;
  // The next turn: a stream that was made in this one is not open yet.
  auto signal = Signal::make(reactor_, SIGCHLD, [this] { check_soon(); });
  if (!signal) return;
  signal_.emplace(std::move(*signal));
  signal_->unref();
} catch (const std::bad_alloc&) {
  return;  // the timer checks more often
}

void ProcessContext::check() {
  bool is_needed = false;
  for (ProcessImpl* one = first_; one != nullptr; one = one->next_) {
    if (!one->is_checked()) continue;
    is_needed = true;
    one->check();
  }
  if (!is_needed) return signal_.reset();
  timer_.arm_after(signal_ ? check_period_with_signal : check_period);
  while (ProcessImpl* const due = first_due()) due->look();
}

ProcessImpl* ProcessContext::first_due() const noexcept {
  for (ProcessImpl* one = first_; one != nullptr; one = one->next_)
    if (one->is_due()) return one;
  return nullptr;
}

}  // namespace rondo::detail
