// SPDX-License-Identifier: MIT
#include "task_context.h"

#include <rondo/lent_bytes.h>

#include <pthread.h>

#include <mutex>
#include <new>
#include <utility>

#include "thread_pool.h"

namespace rondo::detail {
namespace {

/// What is current when the current task has ended: nothing is found on the way from here.
struct {
  void* functions[2];  // as a frame has
  TaskPromise promise;
} ended_task;

std::coroutine_handle<TaskPromise> ended_handle() noexcept {
  return std::coroutine_handle<TaskPromise>::from_promise(ended_task.promise);
}

}  // namespace

TaskContext& TaskContext::of(Reactor& reactor) {
  Loop& loop = *reactor.loop_;
  return loop.per_reactor<CoroutineContext>(reactor, loop);
}

/// Something has ended: resumes what continues, and then reports to its root, when nothing is
/// running any more.
void TaskContext::attend() {
  while (run_.condemned == nullptr) {  // else what is left is a part of what is condemned
    TaskPromise* next = std::exchange(run_.next, nullptr);
    if (next == nullptr) next = take_start();
    if (next == nullptr) break;
    run_.current = next->handle();
    run_.current.resume();
  }
  Run* const outer = run_.outer;
  Run done = std::exchange(run_, Run{.outer = outer});
  if (done.condemned != nullptr) done.condemned->destroy();
  if (done.condemned_root != nullptr) done.condemned_root->condemned_is_gone();
  if (done.ended != nullptr) {
    done.ended->finished(std::move(done.exception));
  } else if (done.exception) {  // it was cancelled, and has thrown before it knew
    std::rethrow_exception(std::move(done.exception));
  }
}

/// Null: there is none.
TaskPromise* TaskContext::take_start() noexcept {
  TaskPromise* const task = run_.starts;
  if (task != nullptr) run_.starts = task->take_next_start();
  return task;
}

void TaskContext::forget_start(TaskPromise& task) noexcept {
  for (Run* run = &run_; run != nullptr; run = run->outer) {
    TaskPromise* before = nullptr;
    TaskPromise* one = run->starts;
    while (one != nullptr && one != &task) before = std::exchange(one, one->next_start());
    if (one == nullptr) continue;
    TaskPromise* const next = task.take_next_start();
    if (before == nullptr) {
      run->starts = next;
    } else {
      before->set_next_start(next);
    }
    if (run->starts_end == &task) run->starts_end = before;
    return;
  }
}

void TaskContext::run_nested(std::coroutine_handle<TaskPromise> task) {
  struct Outer {
    TaskContext& context;
    Run run;
    const std::uint32_t lending = detail::lending();  // what the outer task was lent stays valid
    explicit Outer(TaskContext& one) : context(one), run(std::move(one.run_)) {
      context.run_ = Run{.outer = &run};
    }
    Outer(const Outer&) = delete;
    Outer& operator=(const Outer&) = delete;
    ~Outer() {
      context.run_ = std::move(run);
      restore_lending(lending);
    }
  } const outer{*this};
  run(task);
}

/// The run in which the task is running: it is on the way from what the loop has resumed up to its
/// root. Null: it is suspended.
TaskContext::Run* TaskContext::run_of(const TaskPromise& task) noexcept {
  for (Run* run = &run_; run != nullptr; run = run->outer) {
    const TaskPromise* one = run->next != nullptr ? run->next : run->starts;
    if (one == nullptr && run->current) one = &run->current.promise();
    for (; one != nullptr; one = one->parent())
      if (one == &task) return run;
  }
  return nullptr;
}

void TaskContext::condemn_in(Run& run, TaskPromise& task) noexcept {
  RONDO_ASSERT(run.condemned == nullptr);
  task.condemn();
  run.condemned = &task;
  run.needs_attention = true;
}

void TaskContext::cancel(TaskPromise& task) noexcept {
  Run* const run = run_of(task);
  run == nullptr ? task.destroy() : condemn_in(*run, task);
}

bool TaskContext::condemn(TaskPromise& task, TaskRoot& root) noexcept {
  Run* const run = run_of(task);
  if (run == nullptr) return false;
  condemn_in(*run, task);
  run->condemned_root = &root;
  return true;
}

void TaskContext::root_ended(TaskRoot& root) noexcept {
  run_.ended = &root;
  run_.current = ended_handle();
  run_.needs_attention = true;
}

void TaskContext::condemned_ended() noexcept {
  run_.condemned = nullptr;
  run_.current = ended_handle();
  run_.needs_attention = true;
}

void TaskContext::forget(TaskRoot& root) noexcept {
  for (Run* run = &run_; run != nullptr; run = run->outer)
    if (run->ended == &root) run->ended = nullptr;
}

/// The contexts of all reactors, for tools/gdb/rondo_tasks.py. It is written when a context is made
/// or destroyed, and the library never reads it otherwise.
class AllContexts {
 public:
  void add(CoroutineContext& context) noexcept {
    survive_forks();
    const std::lock_guard lock{mutex_};
    context.next_context_ = std::exchange(first_, &context);
  }
  void remove(CoroutineContext& context) noexcept {
    const std::lock_guard lock{mutex_};
    CoroutineContext** link = &first_;
    while (*link != &context) link = &(*link)->next_context_;
    *link = context.next_context_;
  }

 private:
  /// If a fork happens while another thread holds the mutex, the child must not block.
  static void survive_forks() noexcept;

  CoroutineContext* first_ = nullptr;  // what the script reads: nothing stands before it
  std::mutex mutex_;
};

constinit AllContexts all_contexts [[gnu::visibility("hidden")]];

void AllContexts::survive_forks() noexcept {
  [[maybe_unused]] static const int registered =
      pthread_atfork([] { all_contexts.mutex_.lock(); }, [] { all_contexts.mutex_.unlock(); },
                     [] { all_contexts.mutex_.unlock(); });
}

CoroutineContext::CoroutineContext(Reactor& reactor, Loop& loop) : reactor_(reactor), loop_(loop) {
  unheard_.reserve(1);  // so that the first is heard also without memory
  loop_.backend().set_task_report(this);
  all_contexts.add(*this);
}

CoroutineContext::~CoroutineContext() {
  all_contexts.remove(*this);
  loop_.backend().set_task_report(nullptr);
  struct Left {  // none of them must use the lists that go
    WaitList& list;
    ~Left() {
      while (!list.empty()) list.front().leave();
    }
  } const left[] = {{ready_}, {waiting()}};
  RONDO_REQUIRE(ready_.empty() && waiting().empty(),
                "a Reactor was destroyed before a task that waits for it. Destroy first what runs "
                "its tasks (a TaskGroup, a Server): declare it after the reactor.");
}

void CoroutineContext::make_ready(Wait& wait) noexcept {
  ready_.push_back(wait);
  loop_.request_end_of_turn();
}

void CoroutineContext::report(std::exception_ptr exception) noexcept {
  try {
    unheard_.push_back(std::move(exception));
  } catch (const std::bad_alloc&) {  // the first one is heard: it has room
    RONDO_ASSERT(!unheard_.empty());
  }
  loop_.request_end_of_turn();
}

void CoroutineContext::end_turn() {
  RONDO_ASSERT(running_.empty());
  running_.take_all(ready_);
  struct Rest {  // what an exception leaves undone is done first in the next turn
    CoroutineContext& context;
    ~Rest() {
      if (!context.running_.empty()) {
        context.running_.take_all(context.ready_);
        context.ready_.take_all(context.running_);
      }
      if (context.pending()) context.loop_.request_end_of_turn();
    }
  } rest{*this};
  while (!running_.empty()) running_.front().resume();
  if (unheard_.empty()) return;
  std::exception_ptr exception = std::move(unheard_.front());
  unheard_.erase(unheard_.begin());
  std::rethrow_exception(std::move(exception));
}

// --- roots and waits ---------------------------------------------------------------------------

void TaskRoot::threw(TaskPromise& task, std::exception_ptr exception) noexcept {
  const bool is_of_another_language = exception == nullptr;
  if (is_of_another_language || !expects_current_exception())
    task.context().threw(std::move(exception));
}

void TaskRoot::frame_ends(TaskPromise& task) noexcept {
  ended();
  task.context().root_ended(*this);
}

void Wait::note(TaskPromise& task, const char* what) noexcept {
  at_.task = &task;
  at_.what = what;
  at_.since = task.context().now();
}

void Wait::suspend(TaskPromise& task, const char* what) noexcept {
  end_lending_now();
  note(task, what);
  task.context().waiting().push_back(*this);
}

void Wait::start(TaskPromise& task, const char* what) noexcept {
  note(task, what);
  task.context().make_ready(*this);
}

void Wait::wake() noexcept {
  leave();
  at_.task->context().make_ready(*this);
}

void Wait::resume() {
  leave();
  at_.task->context().run(at_.task->handle());
}

void Wait::leave() noexcept {
  if (previous_ == nullptr) return;
  previous_->at_.next = at_.next;
  at_.next->previous_ = previous_;
  previous_ = nullptr;
}

WaitList::WaitList() noexcept { ends_.previous_ = ends_.at_.next = &ends_; }

WaitList::~WaitList() { ends_.previous_ = nullptr; }

void WaitList::push_back(Wait& wait) noexcept {
  wait.previous_ = ends_.previous_;
  wait.at_.next = &ends_;
  wait.previous_->at_.next = &wait;
  ends_.previous_ = &wait;
}

void WaitList::take_all(WaitList& other) noexcept {
  if (other.empty()) return;
  Wait& first = *other.ends_.at_.next;
  Wait& last = *other.ends_.previous_;
  other.ends_.previous_ = other.ends_.at_.next = &other.ends_;
  first.previous_ = ends_.previous_;
  first.previous_->at_.next = &first;
  last.at_.next = &ends_;
  ends_.previous_ = &last;
}

}  // namespace rondo::detail
