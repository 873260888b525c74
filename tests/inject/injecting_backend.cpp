// SPDX-License-Identifier: MIT
#include "inject/injecting_backend.h"

namespace rondo::test {

/// Gathers the events, so that they are delivered outside of a wait() in which allocations succeed.
class InjectingBackend::Collector final : public Sink {
 public:
  explicit Collector(std::vector<std::pair<Token, Ready>>& into) noexcept : into_(into) {}
  void batch_ended() override {}

 private:
  void unclaimed(Token token, Ready ready) override { into_.emplace_back(token, ready); }

  std::vector<std::pair<Token, Ready>>& into_;
};

std::error_code InjectingBackend::watch(int fd, Ready from, Ready to, Token token) noexcept {
  if (const int error = injector_.next(Call::watch)) return {error, std::system_category()};
  if (way_.below == Below::is_starved) return inner_->watch(fd, from, to, token);
  const SparedAllocations spared;
  return inner_->watch(fd, from, to, token);
}

void InjectingBackend::unwatch(int fd, Ready from) noexcept {
  const SparedAllocations spared;  // it cannot fail
  inner_->unwatch(fd, from);
}

std::error_code InjectingBackend::reinit() noexcept {
  if (const int error = injector_.next(Call::reinit)) return {error, std::system_category()};
  return inner_->reinit();
}

std::error_code InjectingBackend::wait(Sink& sink, TimePoint deadline) {
  if (++waits_ > waits_max) return std::make_error_code(std::errc::timed_out);
  if (const int error = injector_.next(Call::wait)) return {error, std::system_category()};
  return way_.below == Below::is_spared ? wait_spared(sink, deadline)
                                        : wait_a_moment(sink, deadline);
}

std::error_code InjectingBackend::wait_spared(Sink& sink, TimePoint deadline) {
  {
    const SparedAllocations spared;
    collected_.clear();
    Collector collector{collected_};
    if (const std::error_code error = inner_->wait(collector, deadline)) return error;
  }
  // Use an index: an exception of a handler leaves the rest for the next wait.
  for (std::size_t i = 0; i < collected_.size(); ++i)
    sink.ready(collected_[i].first, collected_[i].second);
  return {};
}

std::error_code InjectingBackend::wait_a_moment(Sink& sink, TimePoint deadline) {
  const bool has_deadline = deadline != never && deadline != TimePoint::min();
  const TimePoint real = has_deadline ? deadline - ahead_ : deadline;
  const TimePoint moment = inner_->now() + way_.moment;
  if (real <= moment) return inner_->wait(sink, real);
  if (const std::error_code error = inner_->wait(sink, moment)) return error;
  const TimePoint now = inner_->now();
  if (now < moment) return {};
  if (deadline == never) return std::make_error_code(std::errc::resource_deadlock_would_occur);
  if (real > now) ahead_ += real - now;
  return {};
}

}  // namespace rondo::test
