// SPDX-License-Identifier: MIT
// micro: libuv.
#include <uv.h>

#include <memory>

#include "suite.h"

namespace micro {
namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;

template <typename Handle>
struct Deleter {  // a handle may be freed only after the loop has called back
  void operator()(Handle* handle) const {
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
  }
};
template <typename Handle>
using Owned = std::unique_ptr<Handle, Deleter<Handle>>;

class UvLoop {
 public:
  UvLoop() : loop_(std::make_unique<uv_loop_t>()), wake_(new uv_async_t{}) {
    uv_loop_init(loop_.get());
    uv_async_init(loop_.get(), wake_.get(),
                  [](uv_async_t* wake) { static_cast<PostQueue*>(wake->data)->run(); });
    wake_->data = &posts_;
  }
  ~UvLoop() {
    wake_.reset();
    uv_run(loop_.get(), UV_RUN_DEFAULT);
    uv_loop_close(loop_.get());
  }

  void turn() { uv_run(loop_.get(), UV_RUN_NOWAIT); }
  void run() { uv_run(loop_.get(), UV_RUN_DEFAULT); }
  void stop() { uv_stop(loop_.get()); }
  void post(std::function<void()> work) {
    if (posts_.push(std::move(work))) uv_async_send(wake_.get());
  }

  class Io {
   public:
    Io(UvLoop& loop, int fd, std::uint64_t& count) : poll_(new uv_poll_t{}) {
      uv_poll_init(loop.loop_.get(), poll_.get(), fd);
      poll_->data = &count;
    }
    void set(bool reads, bool writes) {
      uv_poll_start(poll_.get(), (reads ? UV_READABLE : 0) | (writes ? UV_WRITABLE : 0),
                    [](uv_poll_t* poll, int, int) { ++*static_cast<std::uint64_t*>(poll->data); });
    }

   private:
    Owned<uv_poll_t> poll_;
  };

  class Timer {
   public:
    Timer(UvLoop& loop, std::uint64_t& count) : timer_(new uv_timer_t{}) {
      uv_timer_init(loop.loop_.get(), timer_.get());
      timer_->data = &count;
    }
    void arm(std::int64_t delay_ns) {
      uv_timer_start(
          timer_.get(), [](uv_timer_t* timer) { ++*static_cast<std::uint64_t*>(timer->data); },
          static_cast<std::uint64_t>(delay_ns / ns_per_ms), 0);
    }
    void cancel() { uv_timer_stop(timer_.get()); }

   private:
    Owned<uv_timer_t> timer_;
  };

 private:
  std::unique_ptr<uv_loop_t> loop_;
  Owned<uv_async_t> wake_;
  PostQueue posts_;
};

[[maybe_unused]] const bool registered = (register_all<UvLoop>("libuv"), true);

}  // namespace
}  // namespace micro
