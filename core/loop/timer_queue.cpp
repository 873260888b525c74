// SPDX-License-Identifier: MIT
// The model. A heap of (when, timer), and one invariant:
//
//     an entry's `when` is never later than its timer's deadline.
//
// So to put a timer off, as a timeout does with every message, only writes the new deadline into
// the timer. When the entry reaches the top and its timer is not due, the entry moves back
// according to the current deadline. If the timer was cancelled, the entry is dropped. A timer that
// was put off a thousand times moves once. Only an earlier deadline moves an entry at once.
//
// Gather, then dispatch: run_due() moves the due timers from the heap to a list, then calls them
// one by one. It checks each again before the call, because a callback may cancel, move, put off or
// destroy any other timer. The callback is moved out for the call, so that it may destroy its
// timer.
#include "timer_queue.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include <rondo/assert.h>

namespace rondo::detail {
namespace {

constexpr std::size_t capacity_min = 16;
constexpr std::size_t timers_max = std::numeric_limits<std::uint32_t>::max();

/// `never` marks a timer that is not armed, so the latest deadline is a nanosecond before it.
constexpr TimePoint before_never(TimePoint deadline) noexcept {
  return std::min(deadline, never - Duration{1});
}

}  // namespace

void TimerQueue::add(Timer& timer) {
  RONDO_ASSERT(timer.state_ == Timer::State::idle);
  if (timers_ >= timers_max) throw std::bad_alloc{};
  if (heap_.capacity() <= timers_) heap_.reserve(std::max(capacity_min, timers_ * 2));
  if (due_.capacity() < heap_.capacity()) due_.reserve(heap_.capacity());
  ++timers_;
}

void TimerQueue::remove(Timer& timer) noexcept {
  cancel(timer);
  if (timer.state_ == Timer::State::queued) erase(timer);
  if (timer.state_ == Timer::State::due) due_[timer.position_] = nullptr;
  if (calling_ == &timer) calling_ = nullptr;
  timer.state_ = Timer::State::idle;
  --timers_;
}

void TimerQueue::moved(Timer& from, Timer& to) noexcept {
  if (from.state_ == Timer::State::queued) heap_.replace(from.position_, to);
  if (from.state_ == Timer::State::due) due_[from.position_] = &to;
  if (calling_ == &from) calling_ = &to;
}

void TimerQueue::move(Timer& timer, TimePoint deadline, Duration period) noexcept {
  deadline = before_never(deadline);
  if (!timer.is_armed()) referenced_ += timer.referenced_;
  timer.deadline_ = deadline;
  timer.period_ = period;
  timer.order_ = ++orders_;
  if (timer.state_ == Timer::State::queued) {
    const TimePoint when = heap_[timer.position_].when;
    timer.looked_at_ = std::min(when, deadline);
    if (when < deadline) return;  // it was cancelled, but its entry is still in the heap
    timer.queued_order_ = timer.order_;
    heap_.move(timer.position_, deadline);
  } else if (timer.state_ == Timer::State::idle) {
    push(timer);
  }  // otherwise it is on the list of due timers, which moves it back to the heap
}

void TimerQueue::cancel(Timer& timer) noexcept {
  if (!timer.is_armed()) return;
  referenced_ -= timer.referenced_;
  timer.deadline_ = never;  // its entry is dropped at the top of the heap, or used again
  timer.looked_at_ = never;
}

void TimerQueue::set_referenced(Timer& timer, bool referenced) noexcept {
  if (timer.is_armed()) referenced_ -= timer.referenced_;
  timer.referenced_ = referenced;
  if (timer.is_armed()) referenced_ += timer.referenced_;
}

void TimerQueue::run_due(TimePoint now) {
  if (heap_.empty() || heap_.front().when > now) return;
  struct Rest {  // timers that an exception leaves undone stay due
    TimerQueue& queue;
    ~Rest() { queue.requeue_due(); }
  } rest{*this};
  gather(now);
  for (std::size_t i = 0; i < due_.size(); ++i) {
    if (due_[i] == nullptr) continue;
    Timer& timer = *std::exchange(due_[i], nullptr);
    timer.state_ = Timer::State::idle;
    if (!timer.is_armed()) continue;
    if (timer.order_ > orders_before_turn_) {
      push(timer);  // armed in this turn
    } else {
      call(timer, now);
    }
  }
}

void TimerQueue::gather(TimePoint now) noexcept {
  while (!heap_.empty() && heap_.front().when <= now) {
    const TimePoint when = heap_.front().when;
    Timer& timer = *heap_.front().item;
    erase(timer);
    if (!timer.is_armed()) continue;
    if (timer.deadline_ != when || timer.order_ != timer.queued_order_) {
      push(timer);  // it was put off; its new deadline may be due as well
      continue;
    }
    timer.state_ = Timer::State::due;
    timer.position_ = static_cast<std::uint32_t>(due_.size());
    due_.push_back(&timer);
  }
}

void TimerQueue::requeue_due() noexcept {
  for (Timer* timer : due_) {
    if (timer == nullptr) continue;
    timer->state_ = Timer::State::idle;
    if (timer->is_armed()) push(*timer);
  }
  due_.clear();
}

void TimerQueue::call(Timer& timer, TimePoint now) {
  timer.missed_ = 0;
  if (timer.period_ < Duration::zero()) {
    cancel(timer);
  } else {
    const Duration late = now - timer.deadline_;
    if (timer.period_ > Duration::zero()) {
      timer.missed_ = static_cast<std::uint64_t>(late / timer.period_);
      timer.deadline_ =
          before_never(after(timer.deadline_ + (late - late % timer.period_), timer.period_));
    } else {
      timer.deadline_ = now;
    }
    timer.order_ = ++orders_;
    push(timer);
  }
  struct Call {  // puts the callback back, if its timer still exists and has no other
    TimerQueue& queue;
    Timer* outer;
    Function<void()> callback;
    ~Call() {
      if (queue.calling_ != nullptr) queue.calling_->callback_ = std::move(callback);
      queue.calling_ = outer;
    }
  } call{*this, calling_, std::move(timer.callback_)};
  calling_ = &timer;
  call.callback();
}

void TimerQueue::push(Timer& timer) noexcept {
  timer.state_ = Timer::State::queued;
  timer.queued_order_ = timer.order_;
  timer.looked_at_ = timer.deadline_;
  heap_.push(timer.deadline_, timer);  // within the capacity that add() reserved
}

void TimerQueue::erase(Timer& timer) noexcept {
  timer.state_ = Timer::State::idle;
  timer.looked_at_ = never;
  heap_.erase(timer.position_);
}

}  // namespace rondo::detail
