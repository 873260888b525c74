// SPDX-License-Identifier: MIT
// Gather, then dispatch: arrived signals move from the inbox to a list of callbacks to run. A
// Signal that ends is removed from that list, because a callback may end any other. Signals are few
// and rare, so these are plain vectors that are searched from end to end.
#include "signals.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <rondo/assert.h>

#include "callbacks.h"
#include "fork_count.h"

namespace rondo::detail {

std::error_code Signals::add(Signal::Entry& entry) {
  if (entry.number < 1 || entry.number > signals_max) {
    return std::make_error_code(std::errc::invalid_argument);
  }
  entries_.reserve(entries_.size() + 1);
  due_.reserve(due_.size() + entries_.size() + 1);
  if (inbox_ == nullptr) inbox_ = claim_inbox(backend_);
  if (inbox_ == nullptr) return std::make_error_code(std::errc::no_buffer_space);
  gather();  // what has arrived is for those that exist already
  if (listeners(entry.number) == 0) {
    if (const std::error_code error = begin_collecting(*inbox_, entry.number)) {
      if (entries_.empty()) release_inbox(*std::exchange(inbox_, nullptr));
      return error;
    }
  }
  entries_.push_back(&entry);
  return {};
}

void Signals::remove(Signal::Entry& entry) noexcept {
  std::erase(entries_, &entry);
  std::replace(due_.begin(), due_.end(), &entry, static_cast<Signal::Entry*>(nullptr));
  if (calling_ == &entry) calling_ = nullptr;
  if (listeners(entry.number) == 0) end_collecting(*inbox_, entry.number);
  if (entries_.empty()) release_inbox(*std::exchange(inbox_, nullptr));
}

void Signals::run_pending() {
  // Otherwise an exception has left some of the last batch, or add() has begun this one.
  if (next_due_ == due_.size()) gather();
  while (next_due_ < due_.size()) {
    if (Signal::Entry* const entry = due_[next_due_++]) call_entry(calling_, *entry);
  }
}

/// Puts behind what is due the callbacks of what has arrived since.
void Signals::gather() {
  if (next_due_ == due_.size()) {
    due_.clear();
    next_due_ = 0;
  }
  const std::uint64_t arrived = inbox_->pending.exchange(0);
  std::copy_if(
      entries_.begin(), entries_.end(), std::back_inserter(due_),
      [arrived](const Signal::Entry* entry) { return (arrived & signal_bit(entry->number)) != 0; });
}

void Signals::begin_insisting(std::uint64_t bits) noexcept {
  if (insisting_++ > 0) return;
  inbox_->insistent_arrivals.store(0);
  inbox_->insistent.store(bits);
}

void Signals::end_insisting() noexcept {
  RONDO_ASSERT(insisting_ > 0);
  if (--insisting_ == 0) inbox_->insistent.store(0);
}

void Signals::keep_handlers() noexcept {
  for (const Signal::Entry* const entry : entries_) keep_handler(*inbox_, entry->number);
}

void Signals::reinitialised() noexcept {
  if (inbox_ != nullptr) inbox_->forks.store(fork_count());
}

std::size_t Signals::referenced() const noexcept {
  return static_cast<std::size_t>(std::count_if(
      entries_.begin(), entries_.end(), [](const auto* entry) { return entry->referenced; }));
}

std::size_t Signals::listeners(int number) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [number](const auto* entry) { return entry->number == number; }));
}

}  // namespace rondo::detail
