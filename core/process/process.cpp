// SPDX-License-Identifier: MIT
// The public side of a process.
#include <rondo/process.h>

#include <unistd.h>

#include <memory>
#include <utility>

#include <rondo/reactor.h>

#include "launch_plan.h"
#include "orphans.h"
#include "process_context.h"
#include "process_impl.h"

namespace rondo {

using detail::ProcessContext;
using detail::ProcessImpl;

/// What each call of a Process requires.
static ProcessImpl& used(ProcessImpl* impl, const char* call) noexcept {
  RONDO_REQUIRE(impl != nullptr, call, detail::moved_from);
  impl->check_thread(call);
  return *impl;
}

Result<Process> Process::start(Reactor& reactor, std::vector<std::string> arguments, OnExit on_exit,
                               const ProcessOptions& options) {
  detail::check_thread(reactor, "Process::start");
  ProcessContext& context = ProcessContext::of(reactor);
  detail::reap_orphans();
  ProcessCalls* const calls = reactor.backend().process_calls();
  if (calls == nullptr)
    return Error{std::make_error_code(std::errc::operation_not_supported),
                 "start a program from a simulated network"};
  auto plan = detail::LaunchPlan::make(reactor, *calls, std::move(arguments), options);
  if (!plan) return std::move(plan).error();
  auto impl =
      std::make_unique<ProcessImpl>(context, *calls, std::move(on_exit), *plan, options.group);
  const ProgramStart program = plan->program();
  StartStep step{};
  const int id = calls->start(program, step);
  if (id < 0) return plan->failure(step, -id);
  impl->started(id);
  return Process{impl.release()};
}

Process::~Process() {
  if (impl_ != nullptr) used(impl_, "the destructor of Process").retire();
}

int Process::id() const noexcept { return used(impl_, "Process::id").id(); }
bool Process::is_running() const noexcept {
  return used(impl_, "Process::is_running").is_running();
}

Result<void, std::error_code> Process::kill(int signal) noexcept {
  if (const std::error_code error = used(impl_, "Process::kill").kill(signal)) return error;
  return {};
}

void Process::terminate(Duration grace) { used(impl_, "Process::terminate").terminate(grace); }

Stream* Process::input() const noexcept {
  return used(impl_, "Process::input").stream(STDIN_FILENO).get();
}
Stream* Process::output() const noexcept {
  return used(impl_, "Process::output").stream(STDOUT_FILENO).get();
}
Stream* Process::error() const noexcept {
  return used(impl_, "Process::error").stream(STDERR_FILENO).get();
}

std::unique_ptr<Stream> Process::take_input() noexcept {
  return std::move(used(impl_, "Process::take_input").stream(STDIN_FILENO));
}
std::unique_ptr<Stream> Process::take_output() noexcept {
  return std::move(used(impl_, "Process::take_output").stream(STDOUT_FILENO));
}
std::unique_ptr<Stream> Process::take_error() noexcept {
  return std::move(used(impl_, "Process::take_error").stream(STDERR_FILENO));
}

void Process::ref() noexcept { used(impl_, "Process::ref").set_referenced(true); }
void Process::unref() noexcept { used(impl_, "Process::unref").set_referenced(false); }

void Process::detach(Process process) noexcept { used(process.impl_, "Process::detach").spare(); }

}  // namespace rondo
