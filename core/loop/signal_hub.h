// What a signal handler may touch: for each reactor that listens, an inbox of pending signals.
#pragma once

#include <atomic>
#include <cstdint>
#include <system_error>

#include <rondo/backend.h>

namespace rondo::detail {

/// Lives for ever, so that a handler that runs late finds memory. A bit a signal: 1 << (n - 1).
struct SignalInbox {
  std::atomic<Backend*> backend = nullptr;  // woken by arrivals; null: the inbox is free
  std::atomic<std::uint64_t> wanted = 0;
  std::atomic<std::uint64_t> pending = 0;
};

constexpr int signals_max = 64;
constexpr std::uint64_t signal_bit(int number) noexcept {
  return std::uint64_t{1} << static_cast<unsigned>(number - 1);
}

/// An inbox whose arrivals wake `backend`, or null if all are taken. Any thread.
[[nodiscard]] SignalInbox* claim_inbox(Backend& backend) noexcept;

/// Gives the inbox back. When it returns, no handler uses the backend any more. Any thread.
void release_inbox(SignalInbox& inbox) noexcept;

/// Begins to collect signal `number`, 1 to signals_max; installs the process's handler for the
/// first that asks. Once for each inbox and number. Any thread.
[[nodiscard]] std::error_code begin_collecting(SignalInbox& inbox, int number) noexcept;

/// Ends it; the last one puts back the handler that was there before. Any thread.
void end_collecting(SignalInbox& inbox, int number) noexcept;

}  // namespace rondo::detail
