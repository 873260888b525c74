// SPDX-License-Identifier: MIT
#include "backends.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "machine.h"
#include "waiting.h"
#include "world.h"

namespace rondo::sim {
namespace {

constexpr Duration lateness_max = std::chrono::milliseconds{10};
constexpr Duration wake_delay = std::chrono::milliseconds{1};

}  // namespace

BackendBase::BackendBase(Machine& machine)
    : machine_(machine), net_(machine.net()), poller_(machine) {
  machine_.backends.push_back(this);
}

BackendBase::~BackendBase() { std::erase(machine_.backends, this); }

void BackendBase::end() noexcept { poller_.forget(); }

void BackendBase::list_tasks(WaitingList& list) const {
  if (task_report_ != nullptr) list.add_tasks(machine_, task_report_->tasks());
}

// --- the backend that the world runs
// ----------------------------------------------------------------

HostedEnd::HostedEnd(Machine& machine) : BackendBase(machine) {
  poller_.on_listed = [this] { machine_.world().make_runnable(*this); };
}

HostedEnd::~HostedEnd() {
  const Inside world{nullptr};
  machine_.world().events.cancel(alarm_);
  machine_.world().events.cancel(late_wake_);
  machine_.world().forget(*this);
}

/// Called from any thread: the world checks the flag before its next step.
void HostedEnd::wake() noexcept {
  woken_.store(true);
  machine_.world().any_woken.store(true);
}

void HostedEnd::look_whether_woken() {
  if (!woken_.load() || late_wake_ != EventQueue::Ticket::none) return;
  WorldImpl& world = machine_.world();
  if (!world.strikes(Fault::late_wake)) return world.make_runnable(*this);
  late_wake_ = world.events.at(after(world.now, wake_delay), [this] {
    late_wake_ = EventQueue::Ticket::none;
    machine_.world().make_runnable(*this);
  });
}

std::error_code HostedEnd::reinit() noexcept {
  poller_.forget();
  return {};
}

TimePoint HostedEnd::now() const noexcept { return machine_.now(); }
NameService* HostedEnd::name_service() noexcept { return &machine_.world(); }

bool HostedEnd::take_exception(const std::exception_ptr& exception) noexcept {
  const Inside world{nullptr};
  machine_.world().keep(exception);
  return true;
}

void HostedEnd::arm(TimePoint deadline, Liveness liveness) noexcept {
  const Inside world{nullptr};
  armed_ = deadline;
  keeps_host_ = liveness == Liveness::keeps_host;
  if (is_over()) return;
  if (deadline <= now()) {
    machine_.world().make_runnable(*this);
  } else {
    set_alarm();
  }
}

/// One alarm serves a deadline that moves to later times again and again: an alarm that comes too
/// early is set again.
void HostedEnd::set_alarm() {
  WorldImpl& world = machine_.world();
  if (armed_ == never) {
    world.events.cancel(alarm_);
    alarm_at_ = never;
    return;
  }
  TimePoint due = machine_.in_world(armed_);
  if (world.strikes(Fault::late_timer)) {
    due += Duration{static_cast<Duration::rep>(
        world.random.below(static_cast<std::uint64_t>(lateness_max.count())))};
  }
  if (alarm_at_ <= due) return;
  world.events.cancel(alarm_);
  alarm_at_ = due;
  alarm_ = world.events.at(due, [this] {
    alarm_ = EventQueue::Ticket::none;
    alarm_at_ = never;
    if (armed_ <= now()) {
      machine_.world().make_runnable(*this);
    } else {
      set_alarm();
    }
  });
}

void HostedEnd::run() {
  if (is_over() || loop_ == nullptr) return;
  const bool is_woken = late_wake_ == EventQueue::Ticket::none && woken_.exchange(false);
  bool has_reason = is_woken || armed_ <= now();
  if (machine_.world().strikes(Fault::spurious_wake)) has_reason = true;
  try {
    if (poller_.deliver(*loop_)) has_reason = true;
  } catch (...) {
    has_reason = true;
    loop_->threw(std::current_exception());
  }
  if (has_reason) {
    armed_ = never;
    const Inside program{&machine_.world()};
    loop_->turn();
  }
  if (poller_.has_listed()) machine_.world().make_runnable(*this);
}

void HostedEnd::list_waiting(WaitingList& list) const {
  if (is_over() || !keeps_host_) return;
  poller_.list_waiting(list);
  if (poller_.watches_nothing()) list.add_idle(machine_);
}

// --- the backend that runs the world
// ----------------------------------------------------------------

TimePoint DrivingEnd::now() const noexcept { return machine_.now(); }
NameService* DrivingEnd::name_service() noexcept { return &machine_.world(); }

std::error_code DrivingEnd::wait(Sink& sink, TimePoint deadline) {
  WorldImpl& world = machine_.world();
  for (;;) {
    const std::uint64_t answers = world.answers;
    const bool spins = world.spend_turn(deadline == never ? never : machine_.in_world(deadline));
    if (spins) (void)world.step(world.now);  // the other reactors get a turn too
    if (is_over()) return std::make_error_code(std::errc::operation_canceled);
    const bool woken = woken_.exchange(false);
    if (poller_.deliver(sink) || woken || poller_.has_listed() || deadline <= now()) return {};
    if (world.answers != answers || world.strikes(Fault::spurious_wake)) return {};
    const TimePoint limit = deadline == never ? never : machine_.in_world(deadline);
    if (world.step(limit)) {
      if (world.answers != answers) return {};
      continue;
    }
    if (limit != never) {
      world.pass_until(limit);
      continue;
    }
    if (!world.options.awaits_threads) {
      return std::make_error_code(std::errc::resource_deadlock_would_occur);
    }
    woken_.wait(false);
  }
}

}  // namespace rondo::sim
