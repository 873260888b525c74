// SPDX-License-Identifier: MIT
// If all links are alike, packets are sent in the order of their arrival. Such events form a run: a
// ring to which events are added at the end, in constant time. All other events are in a binary
// heap, with small entries and separate slots for the actions. Most of them are timeouts, one per
// connection.
//
// Cancelling an event destroys its action at once. Its entry stays until it comes to the front, or
// until half of the entries in the heap are cancelled.
#include "events.h"

#include <algorithm>
#include <utility>

#include <rondo/assert.h>

namespace rondo::sim {
namespace {

constexpr std::size_t cancelled_kept_max = 64;
// A later event is probably a timeout: the run could not continue before its time.
constexpr Duration run_span_max = std::chrono::milliseconds{100};

}  // namespace

EventQueue::Ticket EventQueue::at(TimePoint time, Function<void()> action) {
  if (!continues_run(time)) return put_in_heap(time, std::move(action));
  const std::uint64_t number = run_.push({time, order_, std::move(action)});
  ++order_;
  return Ticket{in_run | number};
}

bool EventQueue::continues_run(TimePoint time) const noexcept {
  if (!run_.empty() && time < run_.back().time) return false;
  return time <= after(popped_at_, run_span_max);
}

EventQueue::Ticket EventQueue::put_in_heap(TimePoint time, Function<void()> action) {
  if (vacant_.empty()) {
    slots_.emplace_back();
    vacant_.reserve(slots_.capacity());  // cancelling must not allocate
    vacant_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
  }
  const std::uint32_t slot = vacant_.back();
  heap_.push_back({time, order_++, slot});
  vacant_.pop_back();
  std::push_heap(heap_.begin(), heap_.end());
  slots_[slot].action = std::move(action);
  slots_[slot].pending = true;
  return Ticket{std::uint64_t{slots_[slot].generation} << 32U | slot};
}

void EventQueue::cancel(Ticket& ticket) noexcept {
  const auto bits = static_cast<std::uint64_t>(std::exchange(ticket, Ticket::none));
  if (bits == 0) return;
  if ((bits & in_run) != 0) {
    run_.cancel(bits & ~in_run);
    return drop_cancelled();
  }
  Slot& slot = slots_[bits & 0xffffffffU];
  if (slot.generation != bits >> 32U || !slot.pending) return;
  slot.pending = false;
  slot.action = {};
  ++slot.generation;
  ++cancelled_;
  if (cancelled_ > cancelled_kept_max && cancelled_ > heap_.size() / 2) {
    compact();
  } else {
    drop_cancelled();
  }
}

Function<void()> EventQueue::pop() {
  RONDO_ASSERT(!empty());
  popped_at_ = next();
  return run_is_next() ? pop_from_run() : pop_from_heap();
}

bool EventQueue::run_is_next() const noexcept {
  if (run_.empty() || heap_.empty()) return heap_.empty();
  const EventRun::Entry& first = run_.front();
  const Entry& other = heap_.front();
  return first.time != other.time ? first.time < other.time : first.order < other.order;
}

Function<void()> EventQueue::pop_from_run() {
  Function<void()> action = run_.pop();
  drop_cancelled();
  return action;
}

Function<void()> EventQueue::pop_from_heap() {
  Slot& slot = slots_[heap_.front().slot];
  Function<void()> action = std::move(slot.action);
  slot.pending = false;
  ++slot.generation;
  ++cancelled_;  // the next line removes it
  drop_cancelled();
  return action;
}

void EventQueue::drop_cancelled() noexcept {
  while (!run_.empty() && !run_.front().action) (void)run_.pop();  // the action is empty
  while (!heap_.empty() && !slots_[heap_.front().slot].pending) {
    vacate(heap_.front().slot);
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }
}

/// add() reserved the capacity.
void EventQueue::vacate(std::uint32_t slot) noexcept {
  vacant_.push_back(slot);
  --cancelled_;
}

void EventQueue::compact() {
  std::erase_if(heap_, [this](const Entry& entry) {
    if (slots_[entry.slot].pending) return false;
    vacate(entry.slot);
    return true;
  });
  std::make_heap(heap_.begin(), heap_.end());
}

}  // namespace rondo::sim
