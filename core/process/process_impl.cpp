// SPDX-License-Identifier: MIT
// The end of a program. Which process is meant is certain at each moment: until it is reaped its id
// belongs to it, and afterwards no signal is sent. Only this process is waited for, never any child
// (waitpid of -1), so other code keeps its own children.
#include "process_impl.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "orphans.h"

namespace rondo::detail {
namespace {

constexpr int size_per_read = 64 << 10;  // what a stream reads at a time

}  // namespace

ProcessImpl::ProcessImpl(ProcessContext& context, ProcessCalls& calls, Process::OnExit on_exit,
                         LaunchPlan& plan, ProcessGroup group)
    : context_(context),
      calls_(calls),
      on_exit_(std::move(on_exit)),
      kill_timer_(context.reactor(),
                  [this] { (void)kill(SIGKILL); }),  // if it has ended, all is well
      group_(group) {
  kill_timer_.unref();
  for (std::size_t number = 0; number < streams_.size(); ++number) {
    Pipe& pipe = streams_[number];
    pipe.stream = std::move(plan.streams[number]);
    if (pipe.stream == nullptr) continue;
    pipe.fd = pipe.stream->fd();
    pipe.token = context.loop().token_of(pipe.fd);
  }
}

ProcessImpl::~ProcessImpl() = default;

void ProcessImpl::started(int id) noexcept {
  id_ = id;
  parent_ = ::getpid();
  hold();
  context_.add(*this);
  Reactor& reactor = context_.reactor();
  if (const int fd = calls_.open_exit(id); fd >= 0) {
    exit_ = Socket{reactor.net(), fd};
    if (auto watch = detail::watch(reactor, fd, Ready::read, *this)) {
      watch_ = std::move(*watch);
      return;
    }
  }
  guard_ = reactor.work_guard();
  context_.begin_checks();
}

bool ProcessImpl::is_ours() const noexcept { return ::getpid() == parent_; }

std::error_code ProcessImpl::kill(int signal) noexcept {
  if (state_ != State::running || !is_ours())
    return std::make_error_code(std::errc::no_such_process);
  const int result = calls_.signal(id_, exit_descriptor(), signal, has_group());
  return result < 0 ? system_error(-result) : std::error_code{};
}

void ProcessImpl::terminate(Duration grace) {
  if (kill(SIGTERM)) return;  // it has ended, or does so soon
  (void)kill(SIGCONT);        // as above
  is_terminated_ = true;
  const TimePoint deadline = after(context_.loop().clock(), grace);
  if (!kill_timer_.armed() || deadline < kill_timer_.deadline()) kill_timer_.arm_at(deadline);
}

void ProcessImpl::set_referenced(bool referenced) noexcept {
  if (state_ == State::reported) return;
  if (watch_) {
    referenced ? watch_.ref() : watch_.unref();
  } else {
    guard_ = referenced ? context_.reactor().work_guard() : WorkGuard{};
  }
}

// --- the end of the program ---------------------------------------------------------------------

void ProcessImpl::check() noexcept {
  if (state_ != State::running) return;
  is_due_ = calls_.peek(id_, exit_descriptor()) != 0;
}

void ProcessImpl::look() {
  const Call call{*this};  // a callback may destroy the Process
  if (state_ == State::running) reap();
  if (state_ != State::ended) return;
  if (is_checked()) context_.check_soon();  // if a callback throws, the rest follows then
  if (const auto& input = stream(STDIN_FILENO)) input->close();
  pass_on_rest(streams_[STDOUT_FILENO]);
  pass_on_rest(streams_[STDERR_FILENO]);
  if (state_ == State::ended) report();
}

void ProcessImpl::reap() noexcept {
  const int exit = exit_descriptor();
  // What is left of the group can only be named before the number of its leader is free.
  if (is_terminated_ && has_group() && is_ours() && calls_.peek(id_, exit) == 1)
    (void)calls_.signal(id_, exit, SIGKILL, true);  // it may be empty
  const int result = calls_.reap(id_, exit, status_, false);
  if (result == 0) return;
  if (result < 0) status_ = {.error = system_error(-result)};
  state_ = State::ended;
}

/// What the program itself has written is in the pipe. Its stream reads it now, and the end of the
/// input if no other process holds the pipe; unless the stream is paused, or gone.
void ProcessImpl::pass_on_rest(const Pipe& pipe) {
  if (pipe.fd < 0) return;
  int size = 0;
  if (::ioctl(pipe.fd, FIONREAD, &size) != 0) size = 0;
  constexpr int reads_for_the_rest_and_the_end = 2;
  const int reads = size / size_per_read + reads_for_the_rest_and_the_end;
  for (int i = 0; i < reads; ++i) context_.loop().hint(pipe.token, Ready::read);
}

void ProcessImpl::report() {
  forget();
  Process::OnExit on_exit = std::move(on_exit_);
  if (on_exit && !is_retired()) on_exit(status_);
}

/// Nothing more is to come. The caller has a Call.
void ProcessImpl::forget() noexcept {
  state_ = State::reported;
  is_due_ = false;
  watch_.cancel();
  guard_ = {};
  exit_.close();
  kill_timer_.cancel();
  context_.remove(*this);
  end_hold();
}

void ProcessImpl::close() noexcept {
  on_exit_ = {};
  for (Pipe& pipe : streams_) pipe.stream.reset();
  if (state_ == State::reported) return;
  if (!is_ours()) return forget();       // the program is the parent's
  if (!is_spared_) (void)kill(SIGKILL);  // it may have ended
  set_referenced(false);
}

void ProcessImpl::leave_reactor() noexcept {
  const Call call{*this};
  if (state_ == State::running && is_ours()) {
    if (is_spared_) {
      add_orphan(calls_, id_);
    } else {
      (void)calls_.reap(id_, exit_descriptor(), status_, true);  // no caller wants the status
    }
  }
  forget();
}

}  // namespace rondo::detail
