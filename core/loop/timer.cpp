// SPDX-License-Identifier: MIT
// The public side of a timer. The order of timers is in timer_queue.cpp.
#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "loop.h"

namespace rondo {

/// What each call of a Timer requires.
static void check([[maybe_unused]] const detail::Loop* loop, [[maybe_unused]] const char* call) {
  RONDO_REQUIRE(loop != nullptr, call, detail::moved_from);
  loop->check_thread(call);
}

Timer::Timer(Reactor& reactor, Function<void()> callback)
    : loop_(reactor.loop_.get()), callback_(std::move(callback)) {
  loop_->check_thread("Timer's constructor");
  loop_->timers().add(*this);
}

Timer::Timer(Timer&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)),
      deadline_(std::exchange(other.deadline_, never)),
      looked_at_(other.looked_at_),
      period_(other.period_),
      order_(other.order_),
      queued_order_(other.queued_order_),
      missed_(other.missed_),
      position_(other.position_),
      state_(other.state_),
      referenced_(other.referenced_),
      callback_(std::move(other.callback_)) {
  if (loop_ != nullptr) loop_->timers().moved(other, *this);
}

Timer::~Timer() {
  if (loop_ == nullptr) return;
  loop_->check_thread("the destructor of Timer");
  loop_->timers().remove(*this);
  loop_->request_turn();
}

void Timer::arm(TimePoint deadline, Duration period) noexcept {
  loop_->timers().arm(*this, deadline, period);
  loop_->request_turn();
}

void Timer::arm_at(TimePoint deadline) noexcept {
  check(loop_, "Timer::arm_at");
  if (loop_->timers().put_off(*this, deadline, detail::once)) return;  // no deadline became earlier
  arm(deadline, detail::once);
}

void Timer::arm_after(Duration delay) noexcept {
  check(loop_, "Timer::arm_after");
  arm_at(after(loop_->clock(), delay));
}

void Timer::arm_every(Duration period) noexcept {
  check(loop_, "Timer::arm_every");
  period = std::max(period, Duration::zero());
  arm(after(loop_->clock(), period), period);
}

void Timer::cancel() noexcept {
  check(loop_, "Timer::cancel");
  loop_->timers().cancel(*this);
  loop_->request_turn();
}

// A moved-from timer may be asked: it is not armed.
bool Timer::armed() const noexcept {
  if (loop_ != nullptr) loop_->check_thread("Timer::armed");
  return is_armed();
}

TimePoint Timer::deadline() const noexcept {
  if (loop_ != nullptr) loop_->check_thread("Timer::deadline");
  return deadline_;
}

std::uint64_t Timer::missed() const noexcept {
  if (loop_ != nullptr) loop_->check_thread("Timer::missed");
  return missed_;
}

void Timer::ref() noexcept {
  check(loop_, "Timer::ref");
  loop_->timers().set_referenced(*this, true);
  loop_->request_turn();
}

void Timer::unref() noexcept {
  check(loop_, "Timer::unref");
  loop_->timers().set_referenced(*this, false);
  loop_->request_turn();
}

}  // namespace rondo
