// The public side of a timer. The order of timers is in timer_queue.cpp.
#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "loop.h"

namespace rondo {

Timer::Timer(Reactor& reactor, Function<void()> callback)
    : loop_(reactor.loop_.get()), callback_(std::move(callback)) {
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
  loop_->timers().remove(*this);
  loop_->request_turn();
}

void Timer::arm(TimePoint deadline, Duration period) noexcept {
  loop_->check_thread();
  loop_->timers().arm(*this, deadline, period);
  loop_->request_turn();
}

void Timer::arm_at(TimePoint deadline) noexcept {
  loop_->check_thread();
  if (loop_->timers().put_off(*this, deadline, detail::once)) return;  // no deadline became earlier
  arm(deadline, detail::once);
}

void Timer::arm_after(Duration delay) noexcept { arm_at(after(loop_->clock(), delay)); }

void Timer::arm_every(Duration period) noexcept {
  period = std::max(period, Duration::zero());
  arm(after(loop_->clock(), period), period);
}

void Timer::cancel() noexcept {
  loop_->check_thread();
  loop_->timers().cancel(*this);
  loop_->request_turn();
}

void Timer::ref() noexcept {
  loop_->timers().set_referenced(*this, true);
  loop_->request_turn();
}

void Timer::unref() noexcept {
  loop_->timers().set_referenced(*this, false);
  loop_->request_turn();
}

}  // namespace rondo
