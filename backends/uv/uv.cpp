// SPDX-License-Identifier: MIT
// The default backend: a libuv loop that belongs to the reactor. wait() runs one iteration of it,
// in which libuv calls the sink.
//
// The deadline is one uv_timer, armed in libuv's whole milliseconds, rounded up; a deadline that
// has passed is due at once, not a millisecond later. libuv before 1.45 runs timers before it polls
// and would then sleep without a timer, so the timer's callback stops the loop (uv_stop). The async
// handle of wake() keeps the loop alive, so that it sleeps.
//
// Once a user has the loop (uv_loop_of), handles of that user may run inside wait() before libuv
// polls, and may ask the reactor for something. A prepare handle then asks the sink right before
// the poll. libuv runs prepare handles from the last one started to the first, so this one is last.
//
// libuv polls the kernel up to 48 times before it returns, as long as each poll fills its array of
// 1024 events: one wait reports 49,152 events at most, and the sink is notified after each batch.
#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include <rondo/assert.h>
#include <rondo/backend.h>
#include <rondo/net.h>
#include <rondo/uv.h>

#include "poller.h"

namespace rondo {
namespace backends {
namespace {

template <typename Handle>
uv_handle_t* base(Handle& handle) noexcept {
  return reinterpret_cast<uv_handle_t*>(&handle);
}

/// While it exists, the number of no standard descriptor is free: libuv aborts the program when it
/// closes a descriptor of its own that has one.
class StandardNumbersTaken {
 public:
  StandardNumbersTaken() noexcept {
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number)
      // If it fails, libuv has no descriptor left either, or there is no /dev.
      if (::fcntl(number, F_GETFD) < 0) taken_[number] = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  StandardNumbersTaken(const StandardNumbersTaken&) = delete;
  StandardNumbersTaken& operator=(const StandardNumbersTaken&) = delete;
  ~StandardNumbersTaken() {
    for (const int fd : taken_)
      if (fd >= 0) (void)::close(fd);  // nothing was written to it
  }

 private:
  int taken_[STDERR_FILENO + 1] = {-1, -1, -1};
};

class UvBackend final : public Backend {
 public:
  UvBackend() : poller_(std::make_unique<UvPoller>(loop_)) {}

  [[nodiscard]] std::error_code open() noexcept {
    const StandardNumbersTaken taken;
    if (const int status = uv_loop_init(&loop_)) {
      // libuv 1.44 leaves its epoll set open if it fails after opening it.
      if (const int fd = uv_backend_fd(&loop_); fd >= 0) (void)::close(fd);
      return uv_error(status);
    }
    if (const int status = uv_async_init(&loop_, &async_, [](uv_async_t*) {})) {
      uv_loop_close(&loop_);
      return uv_error(status);
    }
    uv_timer_init(&loop_, &timer_);
    uv_unref(base(timer_));
    uv_prepare_init(&loop_, &prepare_);
    uv_unref(base(prepare_));
    is_open_ = true;
    return {};
  }

  ~UvBackend() override {
    if (!is_open_) return;
    poller_.reset();
    if (broken_) return;
    uv_close(base(timer_), nullptr);
    uv_close(base(prepare_), nullptr);
    uv_close(base(async_), nullptr);
    uv_run(&loop_, UV_RUN_NOWAIT);  // runs the close callbacks
    const int status = uv_loop_close(&loop_);
    RONDO_REQUIRE(status == 0,
                  "a Reactor was destroyed while a libuv handle of yours is open in its "
                  "loop. Close your handles, and call run_once(), before.");
    static_cast<void>(status);
  }

  std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override {
    return poller_->watch(fd, from, to, token);
  }

  std::error_code watch_own(int fd, Ready to, Token token) noexcept override {
    return poller_->watch_own(fd, to, token);
  }

  void unwatch(int fd, Ready) noexcept override { poller_->unwatch(fd); }

  std::error_code wait(Sink& sink, TimePoint deadline) override {
    if (!is_shared_) poller_->prepare();  // otherwise after the user's callbacks, in before_sleep()
    Sink* const outer = std::exchange(sink_, &sink);  // a handler may run a host, which waits again
    poller_->deliver_to(sink_);
    const bool sleeps = deadline != TimePoint::min();
    if (sleeps) arm(deadline);
    uv_run(&loop_, sleeps ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    sink_ = outer;
    poller_->deliver_to(sink_);
    if (const auto exception = poller_->take_exception()) std::rethrow_exception(exception);
    return {};
  }

  void wake() noexcept override { uv_async_send(&async_); }

  std::error_code reinit() noexcept override {
    if (broken_) return broken_;  // such a loop can be neither used nor closed
    const StandardNumbersTaken taken;
    broken_ = uv_error(uv_loop_fork(&loop_));  // starts every active handle again
    poller_->forget_interests();
    if (broken_) return broken_;
    // A pending wake-up was lost with the old channel, but libuv 1.44 still waits for it and sends
    // no other. The field is part of uv_async_t in every release of libuv 1.
    async_.pending = 0;
    uv_async_send(&async_);
    return {};
  }

  int poll_fd() const noexcept override { return uv_backend_fd(&loop_); }

  /// libuv passes changes to the kernel when it polls: until then they wait in a queue, whose first
  /// member points to itself while it is empty (in every release of libuv 1).
  TimePoint sleeps_until() noexcept override {
    const void* const queue = &loop_.watcher_queue;
    const void* first = nullptr;
    std::memcpy(static_cast<void*>(&first), queue, sizeof first);
    if (first != queue) return TimePoint::min();
    if (!is_shared_) return never;
    uv_update_time(&loop_);
    const int timeout_ms = uv_backend_timeout(&loop_);
    if (timeout_ms == 0) return TimePoint::min();
    return timeout_ms < 0 ? never : after(now(), std::chrono::milliseconds{timeout_ms});
  }

  TimePoint now() const noexcept override { return Clock::now(); }
  Net& net() noexcept override { return system_net(); }

  /// The loop, for handles of a user.
  uv_loop_t& share() noexcept {
    if (!std::exchange(is_shared_, true)) {
      poller_->runs_others();
      prepare_.data = this;
      uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
        static_cast<UvBackend*>(handle->data)->before_sleep();
      });
    }
    return loop_;
  }

 private:
  void before_sleep() noexcept {
    if (sink_ == nullptr) return;  // the loop is being closed
    const TimePoint deadline = sink_->before_sleep();
    poller_->prepare();
    if (deadline == TimePoint::min()) {
      uv_stop(&loop_);  // makes this poll return at once
    } else if (deadline < armed_for_) {
      arm(deadline);
    }
  }

  void arm(TimePoint deadline) noexcept {
    if (deadline == armed_for_) return;
    armed_for_ = deadline;
    if (deadline == never) {
      uv_timer_stop(&timer_);
      return;
    }
    const std::uint64_t loop_time = uv_now(&loop_);
    const std::uint64_t due = deadline <= now() ? loop_time : uv_time_reaching(deadline);
    timer_.data = this;
    uv_timer_start(&timer_, on_deadline, due > loop_time ? due - loop_time : 0, 0);
  }

  static void on_deadline(uv_timer_t* timer) {
    static_cast<UvBackend*>(timer->data)->armed_for_ = never;
    uv_stop(timer->loop);
  }

  uv_loop_t loop_;
  uv_async_t async_;
  uv_timer_t timer_;
  uv_prepare_t prepare_;
  Sink* sink_ = nullptr;  // during a wait
  bool is_open_ = false;
  bool is_shared_ = false;
  std::error_code broken_;
  TimePoint armed_for_ = never;  // never: the timer is stopped
  std::unique_ptr<UvPoller> poller_;
};

}  // namespace

Result<std::unique_ptr<Backend>, std::error_code> make_uv() {
  auto backend = std::make_unique<UvBackend>();
  if (const std::error_code error = backend->open()) return error;
  return std::unique_ptr<Backend>{std::move(backend)};
}

}  // namespace backends

uv_loop_s* uv_loop_of(Backend& backend) noexcept {
  auto* const uv = dynamic_cast<backends::UvBackend*>(&backend);
  return uv == nullptr ? nullptr : &uv->share();
}

}  // namespace rondo
