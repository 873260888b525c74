// A binary heap of entries that are small, beside slots with the actions. A cancelled event gives
// up its action at once; its entry stays until it comes to the front, or until half are such.
#include "events.h"

#include <algorithm>
#include <utility>

#include <rondo/assert.h>

namespace rondo::sim {
namespace {

constexpr std::size_t cancelled_kept_max = 64;

}  // namespace

EventQueue::Ticket EventQueue::at(TimePoint time, Function<void()> action) {
  if (vacant_.empty()) {
    slots_.emplace_back();
    vacant_.reserve(slots_.capacity());  // for all of them: to cancel must not need memory
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
  Slot& slot = slots_[bits & 0xffffffffU];
  if (slot.generation != bits >> 32U || !slot.pending) return;
  slot.pending = false;
  slot.action = {};
  ++slot.generation;
  ++cancelled_;
  if (cancelled_ > cancelled_kept_max && cancelled_ > heap_.size() / 2) {
    compact();
  } else {
    while (!heap_.empty() && !slots_[heap_.front().slot].pending) drop_front();
  }
}

Function<void()> EventQueue::pop() {
  RONDO_ASSERT(!empty());
  Slot& slot = slots_[heap_.front().slot];
  Function<void()> action = std::move(slot.action);
  slot.pending = false;
  ++slot.generation;
  ++cancelled_;  // until the next line takes it out
  do {
    drop_front();
  } while (!heap_.empty() && !slots_[heap_.front().slot].pending);
  return action;
}

void EventQueue::drop_front() noexcept {
  vacate(heap_.front().slot);
  std::pop_heap(heap_.begin(), heap_.end());
  heap_.pop_back();
  --cancelled_;
}

void EventQueue::vacate(std::uint32_t slot) noexcept {
  vacant_.push_back(slot);  // there is room for each
}

void EventQueue::compact() {
  std::erase_if(heap_, [this](const Entry& entry) {
    if (slots_[entry.slot].pending) return false;
    vacate(entry.slot);
    return true;
  });
  std::make_heap(heap_.begin(), heap_.end());
  cancelled_ = 0;
}

}  // namespace rondo::sim
