// SPDX-License-Identifier: MIT
// The signals that one reactor handles.
#pragma once

#include <cstddef>
#include <vector>

#include <rondo/signal.h>

#include "signal_hub.h"

namespace rondo {

/// One Signal, at an address that does not change.
struct Signal::Entry {
  detail::Loop& loop;
  int number;
  bool referenced = true;
  Function<void()> callback;
};

namespace detail {

class Signals {
 public:
  explicit Signals(Backend& backend) noexcept : backend_(backend) {}
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// May throw std::bad_alloc, and has changed nothing then. The new entry is not called for what
  /// has arrived before.
  [[nodiscard]] std::error_code add(Signal::Entry& entry);
  void remove(Signal::Entry& entry) noexcept;

  [[nodiscard]] bool pending() const noexcept {
    return inbox_ != nullptr &&
           (next_due_ < due_.size() || inbox_->pending.load(std::memory_order_acquire) != 0);
  }
  /// Runs the callbacks of the signals that have arrived. An exception passes through; the rest
  /// stays due.
  void run_pending();
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  /// See keep_handler().
  void keep_handlers() noexcept;
  /// The backend belongs to this process again: signals wake it.
  void reinitialised() noexcept;
  /// See SignalInbox::insistent: `bits` are the numbers. Each call is paired with one of
  /// end_insisting(); until then, entries with these numbers must exist. All callers give the same
  /// numbers, and their arrivals are counted together, from the first of these calls on.
  void begin_insisting(std::uint64_t bits) noexcept;
  void end_insisting() noexcept;
  [[nodiscard]] std::uint32_t insistent_arrivals() const noexcept {
    return inbox_->insistent_arrivals.load();
  }

  [[nodiscard]] std::size_t referenced() const noexcept;

 private:
  [[nodiscard]] std::size_t listeners(int number) const noexcept;
  void gather();

  Backend& backend_;
  SignalInbox* inbox_ = nullptr;  // in use while there are entries
  std::vector<Signal::Entry*> entries_;
  std::vector<Signal::Entry*> due_;  // null where a Signal has ended since
  std::size_t next_due_ = 0;
  std::size_t insisting_ = 0;         // calls of begin_insisting() that have not been ended
  Signal::Entry* calling_ = nullptr;  // null after it was ended inside its callback
};

}  // namespace detail
}  // namespace rondo
