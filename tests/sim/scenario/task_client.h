// SPDX-License-Identifier: MIT
// A client whose task has one connection to a server.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client.h"
#include "reading.h"

namespace rondo::sim::scenario {

class TaskClient : public Actor {
 public:
  [[nodiscard]] bool is_over() const override { return !talk_ || talk_->size() == 0; }
  void destroy_something() override { scene().one_in(2) ? interrupt() : ends(); }
  void stop_something() override;
  /// Now and then no task waits for the exception of another one, which leaves through the reactor.
  void check() override {
    if (is_over() && scene().one_in(2)) ends();
  }

 protected:
  TaskClient(Site& site, std::string_view role, std::string_view target,
             const ConnectOptions& options)
      : Actor(site, role),
        calls_(site.scene.check_of_stream(site, who())),
        target_(target),
        options_(options) {
    calls_.begins(options_.stream, options_.secure == nullptr ? nullptr : scene().layers());
    calls_.aborts();  // an exception aborts it
  }
  /// What a subclass's constructor ends with, and what its destructor begins with.
  void begins() {
    talk_.emplace(reactor());
    talk_->spawn(talk());
  }
  void ends() { talk_.reset(); }

  /// All that it does until no more input comes; it may throw Disconnected.
  virtual Task<> converse(Connection& connection) = 0;
  /// Cancels a part of what it does, which it then begins again.
  virtual void interrupt() {}

  /// Whether the task that owns the connection still exists.
  [[nodiscard]] bool is_connected() const noexcept { return connection_ != nullptr; }

  StreamCheck& calls_;

 private:
  class Talk;
  Task<> talk();

  const std::string target_;
  const ConnectOptions options_;
  Connection* connection_ = nullptr;
  std::optional<TaskGroup> talk_;
};

}  // namespace rondo::sim::scenario
