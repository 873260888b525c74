// Gather, then dispatch: what has arrived is taken from the inbox into a list of those to call,
// and each is looked up again before its call, because a callback may end any other. Few signals,
// rare arrivals: plain vectors, walked from end to end.
#include "signals.h"

#include <algorithm>
#include <utility>

#include <rondo/assert.h>

namespace rondo::detail {

Signals::~Signals() { RONDO_ASSERT(entries_.empty()); }

std::error_code Signals::add(Signal::Entry& entry) {
  if (entry.number < 1 || entry.number > signals_max) {
    return std::make_error_code(std::errc::invalid_argument);
  }
  entries_.reserve(entries_.size() + 1);
  due_.reserve(entries_.size() + 1);
  if (inbox_ == nullptr) inbox_ = claim_inbox(backend_);
  if (inbox_ == nullptr) return std::make_error_code(std::errc::no_buffer_space);
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
  if (listeners(entry.number) == 0) end_collecting(*inbox_, entry.number);
  if (entries_.empty()) release_inbox(*std::exchange(inbox_, nullptr));
}

void Signals::run_pending() {
  due_.clear();
  const std::uint64_t arrived = inbox_->pending.exchange(0);
  std::copy_if(
      entries_.begin(), entries_.end(), std::back_inserter(due_),
      [arrived](const Signal::Entry* entry) { return (arrived & signal_bit(entry->number)) != 0; });
  struct Rest {  // what an exception leaves uncalled has arrived still
    Signals& signals;
    std::size_t next = 0;
    ~Rest() {
      for (; next < signals.due_.size(); ++next) {
        if (!signals.contains(signals.due_[next])) continue;
        signals.inbox_->pending.fetch_or(signal_bit(signals.due_[next]->number));
      }
    }
  } rest{*this};
  while (rest.next < due_.size()) {
    Signal::Entry* const entry = due_[rest.next++];
    if (contains(entry)) call(*entry);
  }
}

void Signals::call(Signal::Entry& entry) {
  struct Call {  // gives the callback back if its Signal is still there
    Signals& signals;
    Signal::Entry& entry;
    Function<void()> callback;
    ~Call() {
      if (signals.contains(&entry)) entry.callback = std::move(callback);
    }
  } call{*this, entry, std::move(entry.callback)};
  call.callback();
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

bool Signals::contains(const Signal::Entry* entry) const noexcept {
  return std::find(entries_.begin(), entries_.end(), entry) != entries_.end();
}

}  // namespace rondo::detail
