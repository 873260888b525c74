// SPDX-License-Identifier: MIT
// How a task ends.
#include <rondo/task_promise.h>

#include <memory>
#include <new>
#include <string>
#include <utility>

#include <rondo/assert.h>

#include "task_context.h"

namespace rondo::detail {
namespace {

/// Ends the program: there is no one to report to, and no way to go on.
[[noreturn]] void destructor_threw(const TaskPromise& task, const std::exception_ptr& exception) {
  const std::source_location where = task.where();
  const std::string subject = "A destructor has thrown while the task that waited at " +
                              std::string{where.file_name()} + ':' + std::to_string(where.line()) +
                              " was cancelled: ";
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    misused(subject.c_str(), error.what());
  } catch (...) {
    misused(subject.c_str(), "it is no std::exception");
  }
}

/// The completion of a task that is being destroyed: an exception of its destructors comes here,
/// since they run inside the coroutine.
class Destroyed final : public Completion {
 public:
  void threw(TaskPromise& task, std::exception_ptr exception) noexcept override {
    destructor_threw(task, exception);
  }
  void frame_ends(TaskPromise&) noexcept override {}
} destroyed;

}  // namespace

void TaskPromise::unhandled_exception() noexcept {
  if (completion_.is_awaited())
    return static_cast<TaskCall&>(completion_.awaiting()).threw(std::current_exception());
  if (completion_.root() != nullptr)
    return completion_.root()->threw(*this, std::current_exception());
  context_->threw(std::current_exception());
}

void TaskPromise::report_end() noexcept {
  if (completion_.is_awaited()) return static_cast<TaskCall&>(completion_.awaiting()).ended();
  if (completion_.root() != nullptr) return completion_.root()->frame_ends(*this);
  context_->condemned_ended();  // it has ended before its next suspension
}

void TaskPromise::destroy() noexcept {
  completion_ = CompletionLink{&destroyed};
  try {
    handle().destroy();
  } catch (...) {  // a parameter's: the frame is gone
    misused("A destructor has thrown while a task was cancelled.");
  }
}

// --- a task that another one awaits -------------------------------------------------------------

/// False: it has thrown.
bool TaskCall::suspend_caller(bool was_called) noexcept {
  if (was_called && has_thrown()) return false;
  if (!was_called) parent_->context().start_later(*task_);
  task_->stop_call();
  return true;
}

void TaskCall::ended() noexcept {
  if (has_thrown()) return;
  task_ = nullptr;
  parent_->context().continue_with(*parent_);
}

void TaskCall::threw(std::exception_ptr exception) noexcept {
  ::new (static_cast<void*>(&exception_)) std::exception_ptr(std::move(exception));
  TaskPromise& task = *std::exchange(task_, parent_);
  task.completion().is_call() ? task.stop_call() : parent_->context().continue_with(*parent_);
}

void TaskCall::rethrow() {
  task_ = nullptr;
  const std::exception_ptr exception = std::move(exception_);
  std::destroy_at(&exception_);
  std::rethrow_exception(exception);
}

/// The task that awaits is destroyed.
void TaskCall::give_up() noexcept {
  if (has_thrown()) return std::destroy_at(&exception_);
  if (parent_ != nullptr) parent_->context().forget_start(*task_);
  task_->destroy();
}

}  // namespace rondo::detail
