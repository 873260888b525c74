// SPDX-License-Identifier: MIT
// What the tasks of one reactor share: what is running, and what is to be resumed at the end of the
// turn. Events, queues and the like never resume a task themselves, since a user calls them, maybe
// inside of another task; they wake it, and the end of the turn resumes it. Those that are woken
// meanwhile wait for the next turn, so that two tasks that wake each other do not stop the rest.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <rondo/backend.h>
#include <rondo/lent_bytes.h>
#include <rondo/reactor.h>
#include <rondo/sync.h>
#include <rondo/task.h>

#include "loop/loop.h"

namespace rondo {
struct ThreadPoolOptions;
}

namespace rondo::detail {

class ThreadPool;

/// What was lent when lending() was this is valid again.
void restore_lending(std::uint32_t lending) noexcept;

/// The only way from the loop to a task.
void TaskContext::run(std::coroutine_handle<TaskPromise> task) {
  if (run_.current) [[unlikely]]
    return run_nested(task);
  run_.current = task;
  task.resume();
  if (run_.needs_attention) [[unlikely]]
    return attend();
  run_.current = {};
}

class CoroutineContext final : public PerReactor, public TaskContext, public TaskReport {
 public:
  static constexpr Room room = Room::coroutine;

  CoroutineContext(Reactor& reactor, Loop& loop);
  ~CoroutineContext() override;

  [[nodiscard]] Reactor& reactor() const noexcept override { return reactor_; }
  [[nodiscard]] TimePoint now() noexcept override { return loop_.now(); }
  void make_ready(Wait& wait) noexcept override;
  [[nodiscard]] std::string tasks() override;

  /// Set when the program is to end; see rondo/run.h.
  [[nodiscard]] Event& stopping() noexcept { return stopping_; }
  /// Whether a task waits for that, or has done so and will look again.
  [[nodiscard]] bool expects_to_stop() const noexcept { return expects_to_stop_; }
  void expect_to_stop() noexcept { expects_to_stop_ = true; }
  void report(std::exception_ptr exception) noexcept override;
  /// The threads for off_thread(), made when first needed.
  [[nodiscard]] ThreadPool& thread_pool();
  void set_thread_pool(const ThreadPoolOptions& options);
  void forked() noexcept override;

  [[nodiscard]] bool pending() const noexcept override {
    return !ready_.empty() || !unheard_.empty();
  }
  void end_turn() override;

 private:
  friend class AllContexts;

  Reactor& reactor_;
  Loop& loop_;
  CoroutineContext* next_context_ = nullptr;  // in the list of all of them
  WaitList ready_;
  WaitList running_;  // what of it is left to be resumed in this turn
  std::vector<std::exception_ptr> unheard_;
  Event stopping_;
  bool expects_to_stop_ = false;
  std::unique_ptr<ThreadPool> thread_pool_;
};

}  // namespace rondo::detail
