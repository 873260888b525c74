// SPDX-License-Identifier: MIT
#include <rondo/sync.h>

#include <rondo/assert.h>

namespace rondo {

namespace detail {

Permits::~Permits() {
  RONDO_REQUIRE(first_ == nullptr,
                "An Event, Semaphore, Mutex or Queue was destroyed while a task waits for it. "
                "Destroy that task first.");
  while (Waiter* const waiter = pop()) waiter->permits_ = nullptr;
}

void Permits::give() noexcept {
  Waiter* const waiter = pop();
  if (waiter == nullptr) {
    ++count_;
    return;
  }
  waiter->has_permit_ = true;
  waiter->wait_.wake();
}

void Permits::close() noexcept {
  is_closed_ = true;
  while (Waiter* const waiter = pop()) waiter->wait_.wake();
}

/// Takes the first out of the line. Null: none waits.
Permits::Waiter* Permits::pop() noexcept {
  Waiter* const waiter = first_;
  if (waiter == nullptr) return nullptr;
  first_ = waiter->line_.next;
  (first_ == nullptr ? last_ : first_->line_.previous) = nullptr;
  waiter->is_in_line_ = false;
  return waiter;
}

void Permits::Waiter::suspend(TaskPromise& task) noexcept {
  line_ = {permits_->last_, nullptr};
  (line_.previous == nullptr ? permits_->first_ : line_.previous->line_.next) = this;
  permits_->last_ = this;
  is_in_line_ = true;
  wait_.suspend(task, permits_->what_);
}

/// Its task is destroyed before it has continued.
void Permits::Waiter::give_up() noexcept {
  if (permits_ == nullptr) return;
  if (has_permit_) return permits_->give();
  (line_.previous == nullptr ? permits_->first_ : line_.previous->line_.next) = line_.next;
  (line_.next == nullptr ? permits_->last_ : line_.next->line_.previous) = line_.previous;
}

}  // namespace detail

void Event::set() noexcept { permits_.close(); }
void Event::reset() noexcept { permits_.reopen(); }
bool Event::is_set() const noexcept { return permits_.is_closed(); }

}  // namespace rondo
