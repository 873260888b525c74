// SPDX-License-Identifier: MIT
#include <rondo/run.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include <rondo/result.h>
#include <rondo/stop_on_signals.h>
#include <rondo/task_group.h>
#include <rondo/task_report.h>

#include "task_context.h"

namespace rondo {
namespace detail {
namespace {

CoroutineContext& context_of(Reactor& reactor) {
  return static_cast<CoroutineContext&>(TaskContext::of(reactor));
}

Task<> run_to_the_end(Task<> program, Reactor& reactor, std::exception_ptr& exception) {
  try {
    co_await std::move(program);
  } catch (...) {
    exception = std::current_exception();
  }
  reactor.stop();
}

}  // namespace

int Program::run(const RunOptions& options) noexcept {
  try {
    Reactor reactor{options.reactor};
    int exit_code = EXIT_FAILURE;
    std::exception_ptr exception;
    TaskGroup group{reactor};
    CoroutineContext& context = context_of(reactor);
    const auto begin_to_stop = [&] {
      context.expects_to_stop() ? context.stopping().set() : reactor.stop();
    };
    const StopOnSignals signals{reactor, begin_to_stop, options.stop_timeout};
    group.spawn(run_to_the_end(start(reactor, exit_code), reactor, exception));
    const auto ran = reactor.run();
    if (!ran) return print_error(ran.error());
    if (exception) std::rethrow_exception(exception);
    if (group.size() == 0) return exit_code;
    if (signals.signal() != 0) return 128 + signals.signal();
    std::string tasks = describe_tasks(reactor);
    if (tasks.ends_with('\n')) tasks.pop_back();
    throw std::runtime_error("the program waits for what cannot happen:\n" + tasks);
  } catch (const std::exception& error) {
    return print_error(error);
  } catch (...) {
    return print_error(
        std::runtime_error("an exception that is no std::exception has left the program"));
  }
}

bool Stopping::suspend(TaskPromise& task) {
  Reactor& reactor = task.context().reactor();
  CoroutineContext& context = context_of(reactor);
  context.expect_to_stop();
  waiter_.emplace(&context.stopping());
  if (waiter_->await_ready()) return false;
  waiter_->await_suspend(task.handle());
  work_guard_.emplace(reactor.work_guard());
  return true;
}

/// Belongs to the server, as a part of what it calls when it has drained.
struct Drained::Link {
  explicit Link(Drained& drained) noexcept : awaiter(&drained) { drained.link_ = this; }
  Link(Link&& other) noexcept : awaiter(std::exchange(other.awaiter, nullptr)) {
    if (awaiter != nullptr) awaiter->link_ = this;
  }
  Link& operator=(Link&&) = delete;
  ~Link() { wake(); }

  /// It has drained, or it is destroyed, or drains anew.
  void wake() noexcept {
    if (awaiter == nullptr) return;
    awaiter->link_ = nullptr;
    std::exchange(awaiter, nullptr)->wait_.wake();
  }

  Drained* awaiter;  // null: the task does not wait any more
};

void Drained::suspend(TaskPromise& task) {
  wait_.suspend(task, "drained");
  server_->drain(timeout_, [link = Link{*this}]() mutable { link.wake(); });
}

Drained::~Drained() {
  if (link_ != nullptr) link_->awaiter = nullptr;
}

}  // namespace detail

void request_stop(Reactor& reactor) {
  detail::check_thread(reactor, "request_stop");
  detail::context_of(reactor).stopping().set();
}

}  // namespace rondo
