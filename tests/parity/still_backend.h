// A backend whose clock stands still until the test moves it, over another one's poller: so that
// deadlines pass when a script says so, however fast the machine is.
#pragma once

#include <memory>
#include <utility>

#include <rondo/backend.h>
#include <rondo/name_service.h>
#include <rondo/net.h>

namespace rondo::test {

/// It only looks, and never sleeps: whoever has nothing to do asks again.
class StillBackend final : public Backend {
 public:
  /// `time` is the test's, and outlives this.
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
