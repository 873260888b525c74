// How a task ends.
#include <rondo/task_promise.h>

#include <cstdio>
#include <string>

#include "task_context.h"

namespace rondo::detail {

void TaskPromise::unhandled_exception() noexcept {
  if (completion_ != nullptr) return completion_->threw(*this, std::current_exception());
  context_->threw(std::current_exception());
}

/// It was to be destroyed at its next suspension, and has ended before.
void TaskPromise::condemned_ended() noexcept { context_->condemned_ended(); }

void TaskPromise::destroy() noexcept {
  const std::source_location where = this->where();
  try {
    handle().destroy();
  } catch (...) {
    const std::string task = "A destructor has thrown while the task that waited at " +
                             std::string{where.file_name()} + ':' + std::to_string(where.line()) +
                             " was cancelled: ";
    try {
      throw;
    } catch (const std::exception& error) {
      misused(task.c_str(), error.what());
    } catch (...) {
      misused(task.c_str(), "not a std::exception");
    }
  }
}

}  // namespace rondo::detail
