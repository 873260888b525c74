// SPDX-License-Identifier: MIT
// A backend for tests with real descriptors in virtual time: it looks at once, and where nothing is
// ready, the clock jumps to the deadline. So a second of pauses takes no time, and wake-ups can be
// counted exactly. The Net is the test's.
#pragma once

#include <poll.h>

#include <map>
#include <utility>
#include <vector>

#include <rondo/backend.h>
#include <rondo/net.h>

namespace rondo::test {

class JumpingBackend final : public Backend {
 public:
  explicit JumpingBackend(Net& net) : net_(net) {}

  int waits = 0;

  [[nodiscard]] std::error_code watch(int fd, Ready, Ready to, Token token) noexcept override {
    watches_[fd] = {to, token};
    return {};
  }
  void unwatch(int fd, Ready) noexcept override { watches_.erase(fd); }

  [[nodiscard]] std::error_code wait(Sink& sink, TimePoint deadline) override {
    ++waits;
    bool ends = std::exchange(woken_, false);
    for (const auto& [token, ready] : ready_now()) {
      ends = true;
      sink.ready(token, ready);
    }
    // A sleep that nothing would end is a wrong test, which ends too.
    if (!ends && deadline == never) return std::make_error_code(std::errc::timed_out);
    if (!ends && deadline > now_) now_ = deadline;
    return {};
  }

  void wake() noexcept override { woken_ = true; }
  [[nodiscard]] std::error_code reinit() noexcept override { return {}; }
  [[nodiscard]] TimePoint now() const noexcept override { return now_; }
  [[nodiscard]] Net& net() noexcept override { return net_; }

 private:
  struct Watched {
    Ready interest;
    Token token;
  };

  std::vector<std::pair<Token, Ready>> ready_now() {
    std::vector<std::pair<Token, Ready>> found;
    for (const auto& [fd, watched] : watches_) {
      const int events =
          (can_read(watched.interest) ? POLLIN : 0) | (can_write(watched.interest) ? POLLOUT : 0);
      pollfd entry{fd, static_cast<short>(events), 0};
      if (events == 0 || ::poll(&entry, 1, 0) != 1) continue;
      // An error is reported as all that is watched.
      const bool fails = (entry.revents & ~(POLLIN | POLLOUT)) != 0;
      const bool reads = can_read(watched.interest) && (fails || (entry.revents & POLLIN) != 0);
      const bool writes = can_write(watched.interest) && (fails || (entry.revents & POLLOUT) != 0);
      found.emplace_back(watched.token, (reads ? Ready::read : Ready::none) |
                                            (writes ? Ready::write : Ready::none));
    }
    return found;
  }

  Net& net_;
  std::map<int, Watched> watches_;
  TimePoint now_{std::chrono::hours{1}};
  bool woken_ = false;
};

}  // namespace rondo::test
