// SPDX-License-Identifier: MIT
// Timers in the order of their deadlines. The queue never reads a clock: its caller passes the
// time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <rondo/time.h>
#include <rondo/timer.h>

#include "heap.h"

namespace rondo::detail {

class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  /// Whether no timer exists, armed or not.
  [[nodiscard]] bool empty() const noexcept { return timers_ == 0; }

  /// Reserves memory, so that arming a timer never allocates. May throw std::bad_alloc.
  void add(Timer& timer);
  void remove(Timer& timer) noexcept;
  /// `from` was moved to `to`, which takes over its entry.
  void moved(Timer& from, Timer& to) noexcept;

  void arm(Timer& timer, TimePoint deadline, Duration period) noexcept {
    if (!put_off(timer, deadline, period)) move(timer, deadline, period);
  }
  /// The cheap case of arm(): true if the timer has an entry already and only gets a later
  /// deadline.
  [[nodiscard]] bool put_off(Timer& timer, TimePoint deadline, Duration period) noexcept {
    if (deadline <= timer.looked_at_ || deadline == never) return false;
    timer.deadline_ = deadline;
    timer.period_ = period;
    timer.order_ = ++orders_;
    return true;
  }
  void cancel(Timer& timer) noexcept;
  void set_referenced(Timer& timer, bool referenced) noexcept;

  /// No timer is due before this time. It may be earlier than the first deadline, if a timer was
  /// put off or cancelled meanwhile.
  [[nodiscard]] TimePoint next() const noexcept {
    return heap_.empty() ? never : heap_.front().when;
  }

  /// Timers that are armed from now on run after the next wait, even if they are due at once.
  void begin_turn() noexcept { orders_before_turn_ = orders_; }
  /// Runs the callback of every timer that is due at `now` and was armed before this turn. An
  /// exception passes through; timers that have not run by then stay due.
  void run_due(TimePoint now);

  /// The number of armed timers that keep the reactor running.
  [[nodiscard]] std::size_t referenced() const noexcept { return referenced_; }

 private:
  struct Timers {  // the functions that the heap needs
    static void put(Timer& timer, std::uint32_t index) noexcept { timer.position_ = index; }
    static bool before(const Timer& a, const Timer& b) noexcept {
      return a.queued_order_ < b.queued_order_;
    }
  };
  friend struct Timers;

  void move(Timer& timer, TimePoint deadline, Duration period) noexcept;
  void push(Timer& timer) noexcept;
  void erase(Timer& timer) noexcept;
  void gather(TimePoint now) noexcept;
  void requeue_due() noexcept;
  void call(Timer& timer, TimePoint now);

  Heap<Timer, Timers> heap_;
  std::vector<Timer*> due_;  // null where a timer was removed after it was gathered
  std::size_t timers_ = 0;
  std::size_t referenced_ = 0;
  std::uint64_t orders_ = 0;
  std::uint64_t orders_before_turn_ = 0;
  Timer* calling_ = nullptr;  // null after it was destroyed inside its callback
};

}  // namespace rondo::detail
