// SPDX-License-Identifier: MIT
#include <rondo/descriptor_wait.h>

#include <rondo/result.h>

#include "task_context.h"

namespace rondo {

void DescriptorWait::suspend(detail::TaskPromise& task) {
  const auto ready = [this](Ready) {
    watch_.cancel();  // the task may close the descriptor
    wait_.resume();
  };
  watch_ = SharedWatch::make(task.context().reactor(), fd_, interest_, ready).value_or_throw();
  wait_.suspend(task, can_write(interest_) ? "writable" : "readable");
}

}  // namespace rondo
