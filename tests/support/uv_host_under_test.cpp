// SPDX-License-Identifier: MIT
#include "support/uv_host_under_test.h"

#include <uv.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include <rondo/uv.h>

namespace rondo::test {
namespace {

class UvHost final : public Host {
 public:
  UvHost() {
    uv_loop_init(&loop_);
    uv_timer_init(&loop_, &alarm_);
    uv_unref(reinterpret_cast<uv_handle_t*>(&alarm_));
  }
  UvHost(const UvHost&) = delete;
  UvHost& operator=(const UvHost&) = delete;
  ~UvHost() override {
    uv_close(reinterpret_cast<uv_handle_t*>(&alarm_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    uv_loop_close(&loop_);
  }

  std::unique_ptr<HostedBackend> backend() override { return std::move(host_on(&loop_)).value(); }

  void run_once(Duration wait_max) override {
    if (wait_max <= Duration::zero()) {
      uv_run(&loop_, UV_RUN_NOWAIT);
      return;
    }
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait_max).count();
    uv_timer_start(&alarm_, [](uv_timer_t*) {}, static_cast<std::uint64_t>(ms), 0);
    uv_ref(reinterpret_cast<uv_handle_t*>(&alarm_));  // so that the loop sleeps
    uv_run(&loop_, UV_RUN_ONCE);
    uv_unref(reinterpret_cast<uv_handle_t*>(&alarm_));
    uv_timer_stop(&alarm_);
  }
  bool is_kept() override { return uv_loop_alive(&loop_) != 0; }

 private:
  uv_loop_t loop_{};
  uv_timer_t alarm_{};
};

}  // namespace

std::vector<HostUnderTest> uv_hosts_under_test() {
  return {{"uv", [] { return std::make_unique<UvHost>(); }}};
}

}  // namespace rondo::test
