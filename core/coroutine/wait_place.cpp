// SPDX-License-Identifier: MIT
#include <rondo/wait_place.h>

#include <utility>

#include <rondo/assert.h>

namespace rondo::detail {

WaitPlace::~WaitPlace() {
  RONDO_REQUIRE(waiter_ == nullptr, what_,
                ": its object was destroyed while a task waits for it. Destroy that task first.");
  if (waiter_ != nullptr) waiter_->place_ = nullptr;
}

void WaitPlace::resume() {
  if (waiter_ == nullptr) return;
  Waiter& waiter = *std::exchange(waiter_, nullptr);
  waiter.place_ = nullptr;
  waiter.wait_.resume();
}

void WaitPlace::Waiter::suspend_at(WaitPlace& place, TaskPromise& task) noexcept {
  RONDO_REQUIRE(!place.is_awaited(), place.what_, " was awaited while another task waits in it.");
  if (place.waiter_ != nullptr) place.waiter_->place_ = nullptr;  // that one waits for ever
  place_ = &place;
  place.waiter_ = this;
  wait_.suspend(task, place.what_);
}

}  // namespace rondo::detail
