// SPDX-License-Identifier: MIT
// Backends written by a user of the library: the test moves the clock and says what is ready.
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <rondo/backend.h>
#include <rondo/net.h>

namespace rondo::test {

/// What the two below have in common: registrations, a clock, and readiness by decree.
class ManualPoller {
 public:
  /// `fd` can do this from now on, until it is said otherwise. Any number will do.
  void set_ready(int fd, Ready ready) { ready_[fd] = ready; }
  /// Reports once, at the next wait, whether it is true or not.
  void inject(Token token, Ready ready) { injected_.emplace_back(token, ready); }
  void advance(Duration duration) { now_ = after(now_, duration); }

  [[nodiscard]] TimePoint time() const noexcept { return now_; }
  [[nodiscard]] Token token_of(int fd) const { return registered_.at(fd).token; }
  [[nodiscard]] Ready interest_of(int fd) const { return registered_.at(fd).interest; }
  [[nodiscard]] bool is_registered(int fd) const { return registered_.contains(fd); }

  int waits = 0;   ///< or looks, of the hosted one
  int sleeps = 0;  ///< those that moved the clock

 protected:
  ~ManualPoller() = default;

  std::error_code add_or_change(int fd, Ready from, Ready to, Token token);
  void remove(int fd, Ready from);
  /// Returns whether there was anything to report.
  bool deliver(Sink& sink);

  TimePoint now_{std::chrono::hours{1}};
  bool woken_ = false;

 private:
  struct Registration {
    Token token;
    Ready interest;
  };

  std::map<int, Registration> registered_;
  std::map<int, Ready> ready_;
  std::vector<std::pair<Token, Ready>> injected_;
};

/// Sleeping moves the clock to the deadline at once. A sleep that nothing would ever end is an
/// error, timed_out, so that a wrong test ends too.
class ManualBackend final : public Backend, public ManualPoller {
 public:
  [[nodiscard]] std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override {
    return add_or_change(fd, from, to, token);
  }
  void unwatch(int fd, Ready from) noexcept override { remove(fd, from); }
  [[nodiscard]] std::error_code wait(Sink& sink, TimePoint deadline) override;
  void wake() noexcept override { woken_ = true; }
  [[nodiscard]] std::error_code reinit() noexcept override { return {}; }
  [[nodiscard]] TimePoint now() const noexcept override { return time(); }
  [[nodiscard]] Net& net() noexcept override { return system_net(); }
};

/// The host is the test: each step() is one turn of its loop.
class ManualHost final : public HostedBackend, public ManualPoller {
 public:
  [[nodiscard]] std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override {
    return add_or_change(fd, from, to, token);
  }
  void unwatch(int fd, Ready from) noexcept override { remove(fd, from); }
  void wake() noexcept override { woken_ = true; }
  [[nodiscard]] std::error_code reinit() noexcept override { return {}; }
  [[nodiscard]] TimePoint now() const noexcept override { return time(); }
  [[nodiscard]] Net& net() noexcept override { return system_net(); }
  void attach(HostedLoop& loop) noexcept override { loop_ = &loop; }
  void arm(TimePoint deadline, Liveness liveness) noexcept override {
    armed_ = deadline;
    keeps_host_ = liveness == Liveness::keeps_host;
  }

  /// Delivers what is ready and gives the guest its turn if it is due one; moves the clock to the
  /// armed deadline if nothing else happens. Whether the guest had a turn.
  bool step();

  [[nodiscard]] TimePoint armed() const noexcept { return armed_; }
  [[nodiscard]] bool keeps_host() const noexcept { return keeps_host_; }

 private:
  HostedLoop* loop_ = nullptr;
  TimePoint armed_ = never;
  bool keeps_host_ = false;
};

}  // namespace rondo::test
