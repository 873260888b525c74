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
  first_ = waiter->next_;
  (first_ == nullptr ? last_ : first_->previous_) = nullptr;
  waiter->is_in_line_ = false;
  return waiter;
}

void Permits::Waiter::suspend(TaskPromise& task) noexcept {
  previous_ = permits_->last_;
  (previous_ == nullptr ? permits_->first_ : previous_->next_) = this;
  permits_->last_ = this;
  is_in_line_ = true;
  wait_.suspend(task, permits_->what_);
}

/// Its task is destroyed before it has continued.
void Permits::Waiter::give_up() noexcept {
  if (permits_ == nullptr) return;
  if (has_permit_) return permits_->give();
  (previous_ == nullptr ? permits_->first_ : previous_->next_) = next_;
  (next_ == nullptr ? permits_->last_ : next_->previous_) = previous_;
}

}  // namespace detail

void Event::set() noexcept { permits_.close(); }
void Event::reset() noexcept { permits_.reopen(); }
bool Event::is_set() const noexcept { return permits_.is_closed(); }

}  // namespace rondo
