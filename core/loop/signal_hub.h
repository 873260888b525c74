// SPDX-License-Identifier: MIT
// The memory that a signal handler may touch: an inbox of pending signals for each reactor.
#pragma once

#include <atomic>
#include <cstdint>
#include <system_error>

#include <rondo/backend.h>

namespace rondo::detail {

/// It is never freed, so that a handler that runs late finds it. Signal n is the bit 1 << (n - 1).
struct SignalInbox {
  std::atomic<Backend*> backend =
      nullptr;  // woken when a signal arrives; null if the inbox is free
  /// The count of forks when the backend last was this process's own. In a child that has not
  /// reinitialised its backend yet, signals are only collected.
  std::atomic<std::uint32_t> forks = 0;
  std::atomic<std::uint64_t> wanted = 0;
  std::atomic<std::uint64_t> pending = 0;
  /// The third arrival of any of these has its default effect, whether or not the reactor has taken
  /// the two before it: a program that hangs can still be ended by Ctrl-C.
  std::atomic<std::uint64_t> insistent = 0;
  std::atomic<std::uint32_t> insistent_arrivals = 0;
};

constexpr int signals_max = 64;
constexpr std::uint64_t signal_bit(int number) noexcept {
  return std::uint64_t{1} << static_cast<unsigned>(number - 1);
}

/// Returns an inbox that wakes `backend`, or null if all are in use. Any thread.
[[nodiscard]] SignalInbox* claim_inbox(Backend& backend) noexcept;

/// Releases the inbox. When it returns, no handler uses the backend any more. Any thread.
void release_inbox(SignalInbox& inbox) noexcept;

/// Starts to collect signal `number`, 1 to signals_max. The first caller installs the handler of
/// the process. Call it once for each inbox and number. Any thread.
[[nodiscard]] std::error_code begin_collecting(SignalInbox& inbox, int number) noexcept;

/// If other code has replaced the handler of signal `number`, puts it back, and calls the other
/// handler too from then on: libuv replaces that of SIGCHLD whenever its first child starts or its
/// last one ends. Call it before the thread sleeps, where such code may have run.
void keep_handler(SignalInbox& inbox, int number) noexcept;

/// Stops collecting. The last caller restores the previous handler. Any thread.
void end_collecting(SignalInbox& inbox, int number) noexcept;

}  // namespace rondo::detail
