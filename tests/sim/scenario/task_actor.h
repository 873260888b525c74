// An actor whose task begins again a little later, whatever ended it.
#pragma once

#include <optional>

#include <rondo/coroutine.h>
#include <rondo/rondo.h>

#include "actor.h"

namespace rondo::sim::scenario {

class TaskActor : public Actor {
 public:
  void destroy_something() override { tasks_.reset(); }
  void stop_something() override {
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

  /// All that it does. It may be cancelled at any time, and may throw.
  virtual Task<> act() = 0;

 private:
  /// Tries again later after any result, also without memory.
  void look() {
    if (tasks_ && tasks_->size() == 0 && is_over() && !is_server()) return;
    again_.arm_after(look_again_after);
    if (tasks_ && tasks_->size() > 0) return;
    tasks_.emplace(reactor());  // an exception of the last one leaves through the reactor
    tasks_->spawn(act());
  }

  static constexpr Duration look_again_after = std::chrono::milliseconds{200};

  std::optional<TaskGroup> tasks_;
  Timer again_;
};

}  // namespace rondo::sim::scenario
