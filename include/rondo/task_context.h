// SPDX-License-Identifier: MIT
// rondo: what the tasks of one reactor share: which of them is running, and which wait to be woken.
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <cstdint>
#include <exception>
#include <utility>

#include <rondo/task_promise.h>
#include <rondo/time.h>

namespace rondo {
class Reactor;
}

namespace rondo::detail {

class TaskRoot;

/// A task that is suspended until something wakes it, in a list of its reactor: in the list of
/// those that wait, or, once it was woken, of those that are resumed at the end of the turn. It
/// stands in an awaiter. Destroying it takes it out.
class RONDO_EXPORT Wait {
 public:
  // Only what the destructor needs is set: an await that need not wait makes one, too.
  Wait() noexcept {}  // NOLINT(*-use-equals-default,*-member-init)
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() {
    if (previous_ != nullptr) leave();
  }

  /// `what` is shown in the report of all tasks; it lives for ever.
  void suspend(TaskPromise& task, const char* what) noexcept;
  /// The task, which has not run, starts at the end of the turn.
  void start(TaskPromise& task, const char* what) noexcept;
  /// Resumes the task at the end of the turn. It may have been woken before.
  void wake() noexcept;
  /// Resumes the task at once. Only what the loop calls may do it.
  void resume();
  /// The task is resumed by someone else.
  void leave() noexcept;

  // After suspend().
  [[nodiscard]] TaskPromise* task() const noexcept { return at_.task; }
  [[nodiscard]] const char* what() const noexcept { return at_.what; }
  [[nodiscard]] TimePoint since() const noexcept { return at_.since; }

 private:
  friend class WaitList;
  void note(TaskPromise& task, const char* what) noexcept;

  Wait* previous_ = nullptr;  // null: in no list
  struct Suspension {
    Wait* next;
    TaskPromise* task;
    const char* what;
    TimePoint since;
  };
  union {
    Suspension at_;  // once it has been in a list
  };
};

/// A list of them, from which each can leave.
class RONDO_EXPORT WaitList {
 public:
  WaitList() noexcept;
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;
  ~WaitList();

  [[nodiscard]] bool empty() const noexcept { return ends_.at_.next == &ends_; }
  [[nodiscard]] Wait& front() const noexcept { return *ends_.at_.next; }
  void push_back(Wait& wait) noexcept;
  /// Takes all that are in `other`, behind those that are here.
  void take_all(WaitList& other) noexcept;
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Wait* wait = ends_.at_.next; wait != &ends_; wait = wait->at_.next) visit(*wait);
  }

 private:
  Wait ends_;
};

/// What the tasks of one reactor share, and what is running. Its public half: what inline functions
/// use.
class RONDO_EXPORT TaskContext {
 public:
  TaskContext(const TaskContext&) = delete;
  TaskContext& operator=(const TaskContext&) = delete;
  static TaskContext& of(Reactor& reactor);

  /// Resumes `task` from the loop, and then what continues because of it. Throws what leaves a root
  /// that has no one to report it to.
  inline void run(std::coroutine_handle<TaskPromise> task);
  /// Ends a task that its owner does not want any more: at once, or, if it is running, at its next
  /// suspension.
  void cancel(TaskPromise& task) noexcept;
  /// If the task of `root` is running, it ends at its next suspension; root.condemned_is_gone() is
  /// called then. False: it is not running.
  [[nodiscard]] bool condemn(TaskPromise& task, TaskRoot& root) noexcept;
  /// `root` is about to go. Its task has ended, or was cancelled.
  void forget(TaskRoot& root) noexcept;

  [[nodiscard]] virtual Reactor& reactor() const noexcept = 0;
  [[nodiscard]] virtual TimePoint now() noexcept = 0;
  /// Those that are suspended, and wait to be woken.
  [[nodiscard]] WaitList& waiting() noexcept { return waiting_; }
  /// Resumes it at the end of the turn.
  virtual void make_ready(Wait& wait) noexcept = 0;
  /// An exception that nothing awaits any more: it leaves through Reactor::run.
  virtual void report(std::exception_ptr exception) noexcept = 0;

  // What a task that is running notes for what comes after it.
  /// The current task has ended, and this one awaited it.
  void continue_with(TaskPromise& task) noexcept {
    run_.next = &task;
    run_.needs_attention = true;
  }
  /// The loop starts it, from the bottom of the stack, after those that are there already.
  void start_later(TaskPromise& task) noexcept {
    task.set_next_start(nullptr);
    if (run_.starts == nullptr) {
      run_.starts = &task;
    } else {
      run_.starts_end->set_next_start(&task);
    }
    run_.starts_end = &task;
    run_.needs_attention = true;
  }
  /// A task that may be one of those is about to be destroyed: another branch of what awaits it has
  /// ended at once.
  void forget_start(TaskPromise& task) noexcept;
  /// The current task calls another one. False: too many calls are nested; start_later() does.
  [[nodiscard]] bool call(TaskPromise& task) {
    const bool may_call = run_.calls_left > 0;
    if (may_call) [[likely]] {
      --run_.calls_left;
      task.resume();
      ++run_.calls_left;
    }
    return may_call;
  }
  void threw(std::exception_ptr exception) noexcept { run_.exception = std::move(exception); }
  void root_ended(TaskRoot& root) noexcept;
  void condemned_ended() noexcept;

 protected:
  TaskContext() = default;
  ~TaskContext() = default;

 private:
  static constexpr std::int32_t calls_max = 100;  // each may take 1 KiB of stack, without -O

  struct Run {
    // What the loop has resumed; null: nothing is running.
    std::coroutine_handle<TaskPromise> current{};
    TaskPromise* next = nullptr;          // continues when `current` has returned
    TaskPromise* starts = nullptr;        // a list of tasks that start then, in their order
    TaskPromise* starts_end = nullptr;    // the last of them; valid if there is one
    TaskPromise* condemned = nullptr;     // to be destroyed when `current` has returned
    TaskRoot* condemned_root = nullptr;   // to be notified then
    TaskRoot* ended = nullptr;            // the root whose task has ended
    std::exception_ptr exception{};       // has left a root, or the condemned task
    Run* outer = nullptr;                 // in which this one began, by a callback that runs a host
    std::int32_t calls_left = calls_max;  // how many more tasks may call another one
    bool needs_attention = false;         // there is more to do than to clear `current`
  };

  void attend();
  void run_nested(std::coroutine_handle<TaskPromise> task);
  [[nodiscard]] TaskPromise* take_start() noexcept;
  [[nodiscard]] Run* run_of(const TaskPromise& task) noexcept;
  void condemn_in(Run& run, TaskPromise& task) noexcept;

  Run run_;
  WaitList waiting_;
};

/// The owner of a task that no other task awaits.
class RONDO_EXPORT TaskRoot : public Completion {
 public:
  TaskRoot() = default;
  TaskRoot(const TaskRoot&) = delete;
  TaskRoot& operator=(const TaskRoot&) = delete;

  void threw(TaskPromise& task, std::exception_ptr exception) noexcept final;
  void frame_ends(TaskPromise& task) noexcept final;

  /// The task frees its frame now: it is not to be cancelled any more. finished() follows.
  virtual void ended() noexcept = 0;
  /// An exception has left the task's body, and is being handled. True: it is no error, and
  /// finished() does not get it. To throw it there once more, for its type, would be expensive.
  [[nodiscard]] virtual bool expects_current_exception() const noexcept { return false; }
  /// Its frame is gone. `exception` is null if none left it. What this
  /// throws leaves through the loop. It may destroy the root.
  virtual void finished(std::exception_ptr exception) = 0;
  /// See TaskContext::condemn(). It may destroy the root.
  virtual void condemned_is_gone() noexcept {}

 protected:
  ~TaskRoot() = default;
};

}  // namespace rondo::detail
