// SPDX-License-Identifier: MIT
#include "support/spy_backend.h"

#include <gtest/gtest.h>

namespace rondo::test {

std::error_code SpyBackend::watch(int fd, Ready from, Ready to, Token token) noexcept {
  return watch(fd, from, to, token, false);
}

std::error_code SpyBackend::watch_own(int fd, Ready to, Token token) noexcept {
  return watch(fd, Ready::none, to, token, true);
}

std::error_code SpyBackend::watch(int fd, Ready from, Ready to, Token token, bool is_own) noexcept {
  ++watches;
  const auto known = registered_.find(fd);
  const bool was_closed = unwatches_at_close_ && from == Ready::none;
  if (known == registered_.end() || was_closed) {
    EXPECT_EQ(from, Ready::none) << "a new registration of " << fd;
  } else {
    EXPECT_EQ(from, known->second.interest) << "what descriptor " << fd << " was left at";
  }
  if (const std::error_code error = fail_watch.next()) return error;
  const std::error_code error =
      is_own ? inner_->watch_own(fd, to, token) : inner_->watch(fd, from, to, token);
  if (!error) registered_[fd] = {token, to};
  return error;
}

void SpyBackend::unwatch(int fd, Ready from) noexcept {
  ++unwatches;
  const auto known = registered_.find(fd);
  if (known == registered_.end()) {
    EXPECT_EQ(from, Ready::none) << "descriptor " << fd << " is not registered";
  } else {
    EXPECT_EQ(from, known->second.interest) << "what descriptor " << fd << " was left at";
    registered_.erase(known);
  }
  inner_->unwatch(fd, from);
}

std::error_code SpyBackend::wait(Sink& sink, TimePoint deadline) {
  ++waits;
  if (const std::error_code error = fail_wait.next()) return error;
  if (!injected_.empty()) deadline = TimePoint::min();  // something is ready
  for (const auto& [token, ready] : std::exchange(injected_, {})) sink.ready(token, ready);
  if (deadline != TimePoint::min() && deadline != never) deadline -= ahead;
  return inner_->wait(sink, deadline);
}

TimePoint SpyBackend::now() const noexcept {
  const TimePoint time = inner_->now() + ahead;
  if (on_now) on_now(time);
  return time;
}

void SpyBackend::wake() noexcept {
  wakes.fetch_add(1, std::memory_order_relaxed);
  inner_->wake();
}

std::error_code SpyBackend::reinit() noexcept {
  ++reinits;
  if (const std::error_code error = fail_reinit.next()) return error;
  registered_.clear();
  return inner_->reinit();
}

}  // namespace rondo::test
