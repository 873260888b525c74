// SPDX-License-Identifier: MIT
// Running a reactor for no longer than a test needs.
#pragma once

#include <poll.h>

#include <chrono>
#include <system_error>

#include <rondo/reactor.h>

namespace rondo::test {

/// Longer than anything here takes, even under valgrind: only a failing test reaches it.
constexpr Duration patience = std::chrono::seconds{20};

/// Usually another thread has begun to wait afterwards; a test must hold in either case.
inline void give_others_time() {
  // tidy: allow sleep: nothing shows that a thread sleeps in the kernel, and nothing depends on it
  (void)::poll(nullptr, 0, 3);
}

/// Runs turns until `done()`. Returns false if that takes longer than `patience`.
template <typename Done>
[[nodiscard]] bool run_until(Reactor& reactor, Done done) {
  const WorkGuard hold = reactor.work_guard();
  for (const TimePoint end = Clock::now() + patience; Clock::now() < end;) {
    if (done()) return true;
    if (!reactor.run_once(std::chrono::milliseconds{10})) return false;
  }
  return false;
}

/// Runs `count` turns that do not sleep.
inline void run_turns(Reactor& reactor, int count) {
  for (int turn = 0; turn < count; ++turn) {
    const auto ran = reactor.run_once(Duration::zero());
    if (!ran) throw std::system_error(ran.error(), "run_once");
  }
}

}  // namespace rondo::test
