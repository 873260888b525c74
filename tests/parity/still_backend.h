// SPDX-License-Identifier: MIT
// A backend on the poller of another one, with a clock that only the test moves. So deadlines pass
// when a script says so, whatever the speed of the machine.
#pragma once

#include <memory>
#include <utility>

#include <rondo/backend.h>
#include <rondo/name_service.h>
#include <rondo/net.h>

namespace rondo::test {

/// It polls without sleeping: a caller that has nothing to do calls it again.
class StillBackend final : public Backend {
 public:
  /// `time` belongs to the test and outlives this object.
  StillBackend(std::unique_ptr<Backend> poller, const TimePoint& time)
      : poller_(std::move(poller)), time_(time) {}

  [[nodiscard]] std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override {
    return poller_->watch(fd, from, to, token);
  }
  void unwatch(int fd, Ready from) noexcept override { poller_->unwatch(fd, from); }
  [[nodiscard]] std::error_code wait(Sink& sink, TimePoint) override {
    return poller_->wait(sink, poller_->now());
  }
  void wake() noexcept override { poller_->wake(); }
  [[nodiscard]] std::error_code reinit() noexcept override { return poller_->reinit(); }
  [[nodiscard]] TimePoint now() const noexcept override { return time_; }
  [[nodiscard]] Net& net() noexcept override { return poller_->net(); }
  [[nodiscard]] NameService* name_service() noexcept override { return poller_->name_service(); }

 private:
  std::unique_ptr<Backend> poller_;
  const TimePoint& time_;
};

}  // namespace rondo::test
