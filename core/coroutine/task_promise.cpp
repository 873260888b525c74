// How a task ends.
#include <rondo/task_promise.h>

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
  [[nodiscard]] TaskPromise* parent() const noexcept override { return nullptr; }
} destroyed;

}  // namespace

void TaskPromise::unhandled_exception() noexcept {
  if (completion_ != nullptr) return completion_->threw(*this, std::current_exception());
  context_->threw(std::current_exception());
}

/// It was to be destroyed at its next suspension, and has ended before.
void TaskPromise::condemned_ended() noexcept { context_->condemned_ended(); }

void TaskPromise::destroy() noexcept {
  completion_ = &destroyed;
  try {
    handle().destroy();
  } catch (...) {  // a parameter's: the frame is gone
    misused("A destructor has thrown while a task was cancelled.");
  }
}

}  // namespace rondo::detail
