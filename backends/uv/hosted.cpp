// SPDX-License-Identifier: MIT
// A reactor inside a libuv loop that another program part, the host, runs. libuv calls back for
// events, for wake() (an async handle) and for the deadline (a timer, in whole milliseconds,
// rounded up). A check handle runs right after the poll and runs one turn of the hosted loop for
// all events of the poll. An idle handle requests an immediate turn: it keeps the host's loop from
// sleeping. A timer of 0 ms, armed again in its own callback, would keep libuv from polling. A
// prepare handle runs right before the poll, after the timers and idle handles of the host, which
// may have asked the reactor for something, or have closed a descriptor that was just watched.
//
// libuv runs prepare handles from the last one started to the first. So those that the host started
// before attach() run after ours. What they watch is started in the next turn, which they request;
// until then they may close it. But if they close a descriptor that is watched already and changed
// in this turn, libuv aborts: the documentation gives the order.
//
// The async handle is referenced while the hosted loop waits for something; the others never are.
//
// The handles outlive the backend. The loop of the host frees them in their close callbacks.
#include <uv.h>

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include <rondo/backend.h>
#include <rondo/net.h>
#include <rondo/uv.h>

#include "poller.h"

namespace rondo {
namespace backends {
namespace {

class UvHosted;

struct Handles {
  uv_async_t async;
  uv_timer_t timer;
  uv_check_t check;
  uv_prepare_t prepare;
  uv_idle_t idle;
  int open = 0;
  UvHosted* owner = nullptr;

  template <typename Handle>
  static uv_handle_t* base(Handle& handle) noexcept {
    return reinterpret_cast<uv_handle_t*>(&handle);
  }
  std::array<uv_handle_t*, 5> all() noexcept {
    return {base(async), base(timer), base(check), base(prepare), base(idle)};
  }
};

class UvHosted final : public HostedBackend {
 public:
  explicit UvHosted(uv_loop_t& loop) : handles_(std::make_unique<Handles>()), poller_(loop) {}

  [[nodiscard]] std::error_code open() noexcept {
    uv_loop_t* const loop = &poller_.loop();
    if (const int status = uv_async_init(loop, &handles_->async,
                                         [](uv_async_t* handle) { owner(handle).loop_->turn(); })) {
      return uv_error(status);
    }
    uv_timer_init(loop, &handles_->timer);
    uv_check_init(loop, &handles_->check);
    uv_prepare_init(loop, &handles_->prepare);
    uv_idle_init(loop, &handles_->idle);
    handles_->owner = this;
    for (uv_handle_t* const handle : handles_->all()) {
      handle->data = handles_.get();
      uv_unref(handle);
      ++handles_->open;
    }
    return {};
  }

  ~UvHosted() override {
    if (handles_->open == 0) return;
    Handles* const handles = handles_.release();
    for (uv_handle_t* const handle : handles->all()) {
      uv_close(handle, [](uv_handle_t* closed) {
        auto* const owner = static_cast<Handles*>(closed->data);
        if (--owner->open == 0) delete owner;
      });
    }
  }

  void attach(HostedLoop& loop) noexcept override {
    loop_ = &loop;
    poller_.deliver_to(&loop);
    poller_.starts_late();
    uv_prepare_start(&handles_->prepare, [](uv_prepare_t* handle) { owner(handle).before_poll(); });
    uv_check_start(&handles_->check, [](uv_check_t* handle) { owner(handle).after_poll(); });
  }

  void arm(TimePoint deadline, Liveness liveness) noexcept override {
    uv_handle_t* const keeper = Handles::base(handles_->async);
    if (liveness == Liveness::keeps_host) {
      uv_ref(keeper);
    } else {
      uv_unref(keeper);
    }
    uv_timer_stop(&handles_->timer);
    if (deadline == TimePoint::min() || deadline <= now()) {
      wants_turn_ = true;
      uv_idle_start(&handles_->idle, [](uv_idle_t*) {});
    } else if (deadline != never) {
      const std::uint64_t due = uv_time_reaching(deadline);
      const std::uint64_t loop_time = uv_now(&poller_.loop());
      uv_timer_start(
          &handles_->timer, [](uv_timer_t* handle) { owner(handle).loop_->turn(); },
          due > loop_time ? due - loop_time : 0, 0);
    }
  }

  std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override {
    return poller_.watch(fd, from, to, token);
  }
  void unwatch(int fd, Ready) noexcept override { poller_.unwatch(fd); }
  void wake() noexcept override { uv_async_send(&handles_->async); }

  /// The child process has called uv_loop_fork() on its loop, which made the handles usable again.
  std::error_code reinit() noexcept override {
    poller_.forget_interests();
    return {};
  }

  TimePoint now() const noexcept override { return Clock::now(); }
  Net& net() noexcept override { return system_net(); }

 private:
  template <typename Handle>
  static UvHosted& owner(Handle* handle) noexcept {
    return *static_cast<Handles*>(handle->data)->owner;
  }

  void before_poll() noexcept {
    (void)loop_->before_sleep();  // what is due is requested by arm()
    poller_.prepare();
  }

  void after_poll() noexcept {
    if (const auto exception = poller_.take_exception()) loop_->threw(exception);
    if (poller_.delivered() == delivered_before_ && !wants_turn_) return;
    delivered_before_ = poller_.delivered();
    wants_turn_ = false;
    uv_idle_stop(&handles_->idle);
    loop_->turn();
  }

  std::unique_ptr<Handles> handles_;
  UvPoller poller_;
  HostedLoop* loop_ = nullptr;
  std::uint64_t delivered_before_ = 0;
  bool wants_turn_ = false;
};

}  // namespace
}  // namespace backends

Result<std::unique_ptr<HostedBackend>> host_on(uv_loop_s* loop) {
  auto backend = std::make_unique<backends::UvHosted>(*loop);
  if (const std::error_code error = backend->open()) return Error{error, "host on a libuv loop"};
  return std::unique_ptr<HostedBackend>{std::move(backend)};
}

}  // namespace rondo
