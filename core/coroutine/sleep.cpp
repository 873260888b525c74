// SPDX-License-Identifier: MIT
#include <rondo/sleep.h>

namespace rondo {

void SleepAwaiter::suspend(detail::TaskPromise& task) {
  if (delay_ != forever || deadline_ != never) {
    timer_.emplace(task.context().reactor(), [this] { wait_.resume(); });
    deadline_ == never ? timer_->arm_after(delay_) : timer_->arm_at(deadline_);
  }
  wait_.suspend(task, "sleep");
}

}  // namespace rondo
