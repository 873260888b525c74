// SPDX-License-Identifier: MIT
// A backend that passes everything on to another: it counts the calls, checks that they keep to the
// port's contract, and fails those a test wants to see failing. It keeps name_service() to itself:
// the tests of names bring a hosts file and a name server.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/backend.h>

namespace rondo::test {

/// Fails some calls in a row: `skip` succeed, then `times` end with `error`.
struct Failures {
  int skip = 0;
  int times = 0;
  std::error_code error;

  /// The error of the call that is made now, if it fails.
  [[nodiscard]] std::error_code next() noexcept {
    if (times == 0) return {};
    if (skip > 0) {
      --skip;
      return {};
    }
    --times;
    return error;
  }
};

class SpyBackend final : public Backend {
 public:
  explicit SpyBackend(std::unique_ptr<Backend> inner)
      : inner_(std::move(inner)), unwatches_at_close_(inner_->unwatches_at_close()) {}

  [[nodiscard]] std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override;
  [[nodiscard]] std::error_code watch_own(int fd, Ready to, Token token) noexcept override;
  void unwatch(int fd, Ready from) noexcept override;
  [[nodiscard]] std::error_code wait(Sink& sink, TimePoint deadline) override;
  void wake() noexcept override;
  [[nodiscard]] std::error_code reinit() noexcept override;
  [[nodiscard]] int poll_fd() const noexcept override { return inner_->poll_fd(); }
  [[nodiscard]] bool unwatches_at_close() const noexcept override { return unwatches_at_close_; }
  /// Before a reactor has it: what unwatches_at_close() returns.
  void set_unwatches_at_close() noexcept { unwatches_at_close_ = true; }
  [[nodiscard]] TimePoint sleeps_until() noexcept override { return inner_->sleeps_until(); }
  [[nodiscard]] TimePoint now() const noexcept override;
  [[nodiscard]] Net& net() noexcept override { return net_ != nullptr ? *net_ : inner_->net(); }
  [[nodiscard]] ProcessCalls* process_calls() noexcept override {
    return calls_ != nullptr ? calls_ : inner_->process_calls();
  }

  [[nodiscard]] Backend& inner() noexcept { return *inner_; }
  /// The token of the registration of `fd`, which must exist.
  [[nodiscard]] Token token_of(int fd) const { return registered_.at(fd).token; }
  /// Reports this to the sink in the next wait, whether it is true or not.
  void inject(Token token, Ready ready) { injected_.emplace_back(token, ready); }
  /// Replaces the net; null: that of the inner backend again.
  void use_net(Net* net) noexcept { net_ = net; }
  /// The same for the calls that start programs.
  void use_process_calls(ProcessCalls* calls) noexcept { calls_ = calls; }

  /// What the inner backend awaits for it.
  [[nodiscard]] Ready interest_of(int fd) const { return registered_.at(fd).interest; }

  int watches = 0;
  int unwatches = 0;
  int waits = 0;
  int reinits = 0;
  std::atomic<int> wakes{0};
  Duration ahead{};                       ///< added to the time of the inner backend
  std::function<void(TimePoint)> on_now;  ///< called with the time that now() returns
  Failures fail_watch;
  Failures fail_wait;
  Failures fail_reinit;

 private:
  [[nodiscard]] std::error_code watch(int fd, Ready from, Ready to, Token token,
                                      bool is_own) noexcept;
  struct Registration {
    Token token;
    Ready interest;
  };

  std::unique_ptr<Backend> inner_;
  bool unwatches_at_close_;
  Net* net_ = nullptr;
  ProcessCalls* calls_ = nullptr;
  std::map<int, Registration> registered_;
  std::vector<std::pair<Token, Ready>> injected_;
};

}  // namespace rondo::test
