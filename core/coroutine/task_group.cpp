// SPDX-License-Identifier: MIT
// Each task of a group has a Child: its root, which is destroyed when the task has ended or was
// cancelled. A child starts by the list of those that are resumed at the end of the turn.
#include <rondo/task_group.h>

#include <utility>

#include <rondo/reactor.h>

#include "callbacks.h"
#include "task_context.h"

namespace rondo {

class TaskGroup::Impl final : public detail::Retirable<TaskGroup::Impl> {
 public:
  explicit Impl(detail::TaskContext& context) noexcept : context_(context) {}
  ~Impl() = default;

  void check(const char* call) const noexcept { detail::check_thread(context_.reactor(), call); }

  void spawn(Task<> task) {
    if (exception_ || is_retired()) return;
    auto* const child = new Child{*this};
    child->start(task.release());
  }

  void cancel() noexcept {
    const Call call{*this};  // a destructor of a task may destroy the group
    // NOLINTNEXTLINE(*.NewDelete): a child takes itself out of the list
    while (children_ != nullptr) children_->cancel();
    wake_if_empty();
  }

  void close() noexcept {
    cancel();
    // NOLINTNEXTLINE(*.NewDelete): retire() holds the object
    RONDO_REQUIRE(joining_ == nullptr,
                  "A TaskGroup was destroyed while a task waits in its join(). Destroy that task "
                  "first.");
    // NOLINTNEXTLINE(*.NewDelete): the same
    if (joining_ != nullptr) joining_->group_ = nullptr;
    if (exception_) context_.report(std::move(exception_));
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // What Join does.
  void begin_join(Join& join) noexcept {
    RONDO_REQUIRE(joining_ == nullptr, "TaskGroup::join",
                  " was awaited while another task waits in it.");
    joining_ = &join;
  }
  /// What it was to hear is dropped: it is cancelled, and to end the loop instead would be worse.
  void abandon_join() noexcept {
    joining_ = nullptr;
    exception_ = nullptr;
  }
  void end_join() {
    joining_ = nullptr;
    if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
  }

 private:
  class Child final : public detail::TaskRoot {
   public:
    explicit Child(Impl& group) noexcept : group_(group), next_(group.children_) {
      if (next_ != nullptr) next_->previous_ = this;
      group.children_ = this;
      ++group.size_;
    }
    void start(detail::TaskPromise& task) noexcept {
      task_ = &task;
      task.start(group_.context_, detail::CompletionLink{this});
      starting_.start(task, "its start");
    }
    /// The child is gone before the destructors of its task run, which may do anything.
    void cancel() noexcept {
      detail::TaskPromise* const task = task_;
      detail::TaskContext& context = group_.context_;
      context.forget(*this);
      delete this;
      if (task != nullptr) context.cancel(*task);
    }
    void ended() noexcept override { task_ = nullptr; }
    void finished(std::exception_ptr exception) override {
      Impl& group = group_;
      delete this;
      group.finished(std::move(exception));
    }

   private:
    ~Child() {
      (previous_ == nullptr ? group_.children_ : previous_->next_) = next_;
      if (next_ != nullptr) next_->previous_ = previous_;
      --group_.size_;
    }

    Impl& group_;
    detail::TaskPromise* task_ = nullptr;  // null: it has ended
    Child* previous_ = nullptr;
    Child* next_;
    detail::Wait starting_;
  };

  void finished(std::exception_ptr exception) noexcept {
    if (!exception || exception_) return wake_if_empty();
    exception_ = std::move(exception);
    cancel();
  }

  void wake_if_empty() noexcept {
    if (children_ == nullptr && joining_ != nullptr) joining_->wait_.wake();
  }

  detail::TaskContext& context_;
  Child* children_ = nullptr;  // the latest first
  std::size_t size_ = 0;
  std::exception_ptr exception_;  // the first, until join() has reported it
  Join* joining_ = nullptr;
};

TaskGroup::TaskGroup(Reactor& reactor) {
  detail::check_thread(reactor, "TaskGroup's constructor");
  impl_.reset(new Impl{detail::TaskContext::of(reactor)});
}

TaskGroup::~TaskGroup() = default;

void TaskGroup::Retire::operator()(Impl* impl) const noexcept { impl->retire(); }

void TaskGroup::spawn(Task<> task) {
  impl_->check("TaskGroup::spawn");
  impl_->spawn(std::move(task));
}

detail::Awaitable<TaskGroup::Join, TaskGroup::Impl*> TaskGroup::join() noexcept {
  impl_->check("TaskGroup::join");
  return detail::Awaitable<Join, Impl*>{impl_.get()};
}

void TaskGroup::cancel() noexcept {
  impl_->check("TaskGroup::cancel");
  impl_->cancel();
}

std::size_t TaskGroup::size() const noexcept { return impl_->size(); }

bool TaskGroup::Join::await_ready() const noexcept { return group_->size() == 0; }

void TaskGroup::Join::suspend(detail::TaskPromise& task) noexcept {
  group_->begin_join(*this);
  is_waiting_ = true;
  wait_.suspend(task, "TaskGroup::join");
}

void TaskGroup::Join::await_resume() {
  is_waiting_ = false;
  if (group_ != nullptr) group_->end_join();
}

TaskGroup::Join::~Join() {
  if (is_waiting_ && group_ != nullptr) group_->abandon_join();
}

}  // namespace rondo
