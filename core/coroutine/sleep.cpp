#include <rondo/sleep.h>

namespace rondo {

void Sleep::Awaiter::suspend(detail::TaskPromise& task) {
  if (sleep_.delay_ != forever || sleep_.deadline_ != never) {
    timer_.emplace(task.context().reactor(), [this] { wait_.resume(); });
    sleep_.deadline_ == never ? timer_->arm_after(sleep_.delay_) : timer_->arm_at(sleep_.deadline_);
  }
  wait_.suspend(task, "sleep");
}

}  // namespace rondo
