// SPDX-License-Identifier: MIT
// Timers that are armed, put off, cancelled, moved and destroyed, also from their own callbacks,
// against a list that is sorted in each pass. Timers are never early, run in order, and run once.
#include <memory>
#include <vector>

#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "fuzz/target.h"
#include "support/manual_backend.h"

namespace rondo::fuzz {
namespace {

class Machine {
 public:
  explicit Machine(Input& input) : input_(input) {
    auto made = std::make_unique<test::ManualBackend>();
    backend_ = made.get();
    reactor_ = std::make_unique<Reactor>(std::unique_ptr<Backend>{std::move(made)});
    for (std::size_t i = 0; i < timers_.size(); ++i) make(i);
  }

  void run() {
    while (!input_.empty()) {
      for (std::size_t count = input_.below(8); count > 0; --count) operate();
      backend_->advance(Duration{static_cast<int>(input_.below(64))});
      pass();
    }
  }

 private:
  struct Modelled {
    std::unique_ptr<Timer> timer;
    TimePoint deadline = never;
    std::uint64_t order = 0;
    Duration period{-1};
    bool is_due = false;  // in the pass that is running
    bool is_referenced = true;
  };

  void make(std::size_t i) {
    timers_[i] = {};
    timers_[i].timer = std::make_unique<Timer>(*reactor_, [this, i] { fired(i); });
  }
  void armed(Modelled& one, TimePoint deadline, Duration period) {
    one.deadline = std::min(deadline, never - Duration{1});  // it is armed, however late
    one.order = ++orders_;
    one.period = period;
    one.is_due = false;
  }
  Duration some_delay() {
    const std::size_t drawn = input_.byte();
    return drawn == 255 ? Duration::max() : Duration{static_cast<int>(drawn % 32) * 5};
  }

  void operate() {
    const std::size_t i = input_.below(timers_.size());
    Modelled& one = timers_[i];
    switch (input_.below(7)) {
      case 0: {
        const Duration delay = some_delay();
        one.timer->arm_after(delay);
        armed(one, after(backend_->time(), delay), Duration{-1});
        break;
      }
      case 1: {
        const TimePoint deadline =
            backend_->time() + Duration{static_cast<int>(input_.byte()) - 99};
        one.timer->arm_at(deadline);
        armed(one, deadline, Duration{-1});
        break;
      }
      case 2: {
        const Duration period{static_cast<int>(input_.below(32)) * 5};
        one.timer->arm_every(period);
        armed(one, backend_->time() + period, period);
        break;
      }
      case 3:
        one.timer->cancel();
        one.deadline = never;
        break;
      case 4:
        one.timer = std::make_unique<Timer>(std::move(*one.timer));
        break;
      case 5:
        make(i);
        break;
      default:
        one.is_referenced = input_.flag();
        one.is_referenced ? one.timer->ref() : one.timer->unref();
    }
    const Modelled& now = timers_[i];
    require(now.timer->armed() == (now.deadline != never), "armed or not");
    require(now.timer->deadline() == now.deadline, "its deadline");
  }

  /// The next due timer.
  Modelled* next_due() {
    Modelled* next = nullptr;
    for (Modelled& one : timers_) {
      if (!one.is_due || one.deadline == never) continue;
      const auto key = [](const Modelled& each) { return std::pair{each.deadline, each.order}; };
      if (next == nullptr || key(one) < key(*next)) next = &one;
    }
    return next;
  }

  void fired(std::size_t i) {
    Modelled& one = timers_[i];
    require(next_due() == &one, "due, and in order");
    const TimePoint deadline = one.deadline;
    one.deadline = never;
    one.is_due = false;
    if (one.period >= Duration::zero()) {
      const bool every_turn = one.period == Duration::zero();
      const auto missed = every_turn ? 0 : (pass_time_ - deadline) / one.period;
      require(one.timer->missed() == static_cast<std::uint64_t>(missed), "skipped periods count");
      armed(one, every_turn ? pass_time_ : deadline + (missed + 1) * one.period, one.period);
    }
    if (input_.empty()) return;
    for (std::size_t count = input_.below(4); count > 0; --count) operate();
    backend_->advance(Duration{static_cast<int>(input_.below(8))});
  }

  void pass() {
    pass_time_ = backend_->time();
    for (Modelled& one : timers_) one.is_due = one.deadline <= pass_time_ && one.deadline != never;
    require(reactor_->run_once(Duration::zero()).has_value(), "a turn");
    require(next_due() == nullptr, "all that were due were called");
    const bool waits = std::any_of(timers_.begin(), timers_.end(), [](const Modelled& one) {
      return one.deadline != never && one.is_referenced;
    });
    require(reactor_->alive() == waits, "runs on for the sake of those that are armed");
  }

  Input& input_;
  test::ManualBackend* backend_;
  std::unique_ptr<Reactor> reactor_;
  std::array<Modelled, 12> timers_;
  TimePoint pass_time_{};
  std::uint64_t orders_ = 0;
};

}  // namespace

void timers(Input& input) { Machine{input}.run(); }

const Target target{"timers", timers};

}  // namespace rondo::fuzz
