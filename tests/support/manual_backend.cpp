// SPDX-License-Identifier: MIT
#include "support/manual_backend.h"

#include <gtest/gtest.h>

namespace rondo::test {

std::error_code ManualPoller::add_or_change(int fd, Ready from, Ready to, Token token) {
  if (fd < 0) return std::make_error_code(std::errc::bad_file_descriptor);
  const auto known = registered_.find(fd);
  const Ready left = known == registered_.end() ? Ready::none : known->second.interest;
  EXPECT_EQ(from, left) << "what descriptor " << fd << " was left at";
  registered_[fd] = {token, to};
  return {};
}

void ManualPoller::remove(int fd, Ready from) {
  const auto known = registered_.find(fd);
  const Ready left = known == registered_.end() ? Ready::none : known->second.interest;
  EXPECT_EQ(from, left) << "what descriptor " << fd << " was left at";
  registered_.erase(fd);
}

bool ManualPoller::deliver(Sink& sink) {
  ++waits;
  std::vector<std::pair<Token, Ready>> batch = std::exchange(injected_, {});
  for (const auto& [fd, registration] : registered_) {
    const auto known = ready_.find(fd);
    if (known == ready_.end()) continue;
    const Ready able = known->second & registration.interest;
    if (able != Ready::none) batch.emplace_back(registration.token, able);
  }
  for (const auto& [token, ready] : batch) sink.ready(token, ready);
  return !batch.empty();
}

std::error_code ManualBackend::wait(Sink& sink, TimePoint deadline) {
  const bool woken = std::exchange(woken_, false);
  if (deliver(sink) || woken || deadline <= now_) return {};
  if (deadline == never) return std::make_error_code(std::errc::timed_out);
  now_ = deadline;
  ++sleeps;
  return {};
}

bool ManualHost::step() {
  const bool woken = std::exchange(woken_, false);
  bool reported = true;
  try {
    reported = deliver(*loop_);
  } catch (...) {
    loop_->threw(std::current_exception());
  }
  if (!reported && !woken && armed_ != never && armed_ > now_) now_ = armed_;
  if (!reported && !woken && armed_ > now_) return false;
  armed_ = never;
  loop_->turn();
  return true;
}

}  // namespace rondo::test
