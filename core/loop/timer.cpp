// The timer as its user holds it. The order of timers is kept in timer_queue.cpp.
#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "core.h"

namespace rondo {

Timer::Timer(Reactor& reactor, Function<void()> callback)
    : core_(reactor.core_.get()), callback_(std::move(callback)) {
  core_->timers().add(*this);
}

Timer::Timer(Timer&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)),
      deadline_(std::exchange(other.deadline_, never)),
      looked_at_(other.looked_at_),
      period_(other.period_),
      order_(other.order_),
      queued_order_(other.queued_order_),
      missed_(other.missed_),
      position_(other.position_),
      place_(other.place_),
      referenced_(other.referenced_),
      callback_(std::move(other.callback_)) {
  if (core_ != nullptr) core_->timers().moved(other, *this);
}

Timer::~Timer() {
  if (core_ == nullptr) return;
  core_->timers().remove(*this);
  core_->nudge();
}

void Timer::arm(TimePoint deadline, Duration period) noexcept {
  core_->check_thread();
  core_->timers().arm(*this, deadline, period);
  core_->nudge();
}

void Timer::arm_at(TimePoint deadline) noexcept {
  core_->check_thread();
  if (core_->timers().put_off(*this, deadline, detail::once)) return;  // nothing comes sooner by it
  arm(deadline, detail::once);
}

void Timer::arm_after(Duration delay) noexcept { arm_at(after(core_->clock(), delay)); }

void Timer::arm_every(Duration period) noexcept {
  period = std::max(period, Duration::zero());
  arm(after(core_->clock(), period), period);
}

void Timer::cancel() noexcept {
  core_->check_thread();
  core_->timers().cancel(*this);
  core_->nudge();
}

void Timer::ref() noexcept {
  core_->timers().set_referenced(*this, true);
  core_->nudge();
}

void Timer::unref() noexcept {
  core_->timers().set_referenced(*this, false);
  core_->nudge();
}

}  // namespace rondo
