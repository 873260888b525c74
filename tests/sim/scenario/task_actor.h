// SPDX-License-Identifier: MIT
// An actor whose task begins again a little later, whatever ended it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <rondo/coroutine.h>
#include <rondo/rondo.h>

#include "actor.h"

namespace rondo::sim::scenario {

class TaskActor : public Actor {
 public:
  void destroy_something() override {
    ++cancelled_;
    tasks_.reset();
  }
  void stop_something() override {
    ++cancelled_;
    if (tasks_) tasks_->cancel();
  }
  void leave() override {
    again_.cancel();
    tasks_.reset();
  }

 protected:
  TaskActor(Site& site, std::string_view role)
      : Actor(site, role), again_(site.reactor(), [this] { look(); }) {
    again_.arm_after(Duration::zero());
  }
  /// What a subclass's destructor begins with.
  void ends() { tasks_.reset(); }

  [[nodiscard]] bool is_acting() const noexcept { return tasks_ && tasks_->size() > 0; }
  /// How often it was cancelled. A task that continues was not, since it was suspended.
  [[nodiscard]] std::uint64_t cancelled() const noexcept { return cancelled_; }

  /// All that it does. It may be cancelled at any time, and may throw.
  virtual Task<> act() = 0;

 private:
  /// Tries again later after any result, also without memory.
  void look() {
    if (is_over() && !is_server()) return;
    again_.arm_after(look_again_after);
    if (is_acting()) return;
    tasks_.emplace(reactor());  // an exception of the last one leaves through the reactor
    tasks_->spawn(act());
  }

  static constexpr Duration look_again_after = std::chrono::milliseconds{200};

  std::uint64_t cancelled_ = 0;
  std::optional<TaskGroup> tasks_;
  Timer again_;
};

}  // namespace rondo::sim::scenario
