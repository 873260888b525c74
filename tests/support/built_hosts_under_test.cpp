// SPDX-License-Identifier: MIT
// The hosted suite on the loops that rondo has, and on the loop that docs/hosting.md shows, which
// polls with another backend.
#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include <rondo/net.h>

#include "support/hosts_under_test.h"
#include "support/uv_host_under_test.h"

namespace rondo::test {
namespace {

/// Polls with a backend that it owns.
class PolledBackend final : public HostedBackend {
 public:
  explicit PolledBackend(std::unique_ptr<Backend> poller) : poller_(std::move(poller)) {}

  void attach(HostedLoop& loop) noexcept override { loop_ = &loop; }
  void arm(TimePoint deadline, Liveness liveness) noexcept override {
    deadline_ = deadline;
    is_kept_ = liveness == Liveness::keeps_host;
  }
  std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override {
    return poller_->watch(fd, from, to, token);
  }
  void unwatch(int fd, Ready from) noexcept override { poller_->unwatch(fd, from); }
  void wake() noexcept override { poller_->wake(); }
  std::error_code reinit() noexcept override { return poller_->reinit(); }
  TimePoint now() const noexcept override { return poller_->now(); }
  Net& net() noexcept override { return poller_->net(); }

  /// A turn may be due sooner than the host's own deadline.
  void run_once(TimePoint deadline) {
    try {
      (void)poller_->wait(*loop_, std::min(deadline, deadline_));  // an error ends the case
    } catch (...) {
      loop_->threw(std::current_exception());
    }
    loop_->turn();
  }
  [[nodiscard]] bool is_kept() const noexcept { return is_kept_; }

 private:
  std::unique_ptr<Backend> poller_;
  HostedLoop* loop_ = nullptr;
  TimePoint deadline_ = never;
  bool is_kept_ = false;
};

class PollingHost final : public Host {
 public:
  explicit PollingHost(std::unique_ptr<Backend> poller)
      : made_(std::make_unique<PolledBackend>(std::move(poller))), backend_(*made_) {}

  std::unique_ptr<HostedBackend> backend() override { return std::move(made_); }
  void run_once(Duration wait_max) override {
    backend_.run_once(wait_max > Duration::zero() ? after(backend_.now(), wait_max)
                                                  : TimePoint::min());
  }
  bool is_kept() override { return backend_.is_kept(); }

 private:
  std::unique_ptr<PolledBackend> made_;
  PolledBackend& backend_;
};

}  // namespace

std::vector<HostUnderTest> hosts_under_test() {
  std::vector<HostUnderTest> all = uv_hosts_under_test();
  for (const BuiltBackend& built : built_backends()) {
    (void)built.make();  // libuv opens a pipe at the first loop of a process: before any census
    all.push_back({"polling_" + std::string{built.name},
                   [&built] { return std::make_unique<PollingHost>(built.make().value()); }});
  }
  return all;
}

}  // namespace rondo::test
