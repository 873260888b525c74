// SPDX-License-Identifier: MIT
// micro: libev.
#include <ev.h>

#include "suite.h"

namespace micro {
namespace {

constexpr double ns_per_second = 1e9;

class LibevLoop {
 public:
  LibevLoop() : loop_(ev_loop_new(EVFLAG_AUTO)) {
    ev_async_init(&wake_, [](struct ev_loop*, ev_async* wake, int) {
      static_cast<PostQueue*>(wake->data)->run();
    });
    wake_.data = &posts_;
    ev_async_start(loop_, &wake_);
  }
  LibevLoop(const LibevLoop&) = delete;
  LibevLoop& operator=(const LibevLoop&) = delete;
  ~LibevLoop() {
    ev_async_stop(loop_, &wake_);
    ev_loop_destroy(loop_);
  }

  void turn() { ev_run(loop_, EVRUN_NOWAIT); }
  void run() { ev_run(loop_, 0); }
  void stop() { ev_break(loop_, EVBREAK_ALL); }
  void post(std::function<void()> work) {
    if (posts_.push(std::move(work))) ev_async_send(loop_, &wake_);
  }

  class Io {
   public:
    Io(LibevLoop& loop, int fd, std::uint64_t& count) : loop_(loop.loop_) {
      ev_io_init(
          &io_, [](struct ev_loop*, ev_io* io, int) { ++*static_cast<std::uint64_t*>(io->data); },
          fd, EV_READ);
      io_.data = &count;
    }
    Io(const Io&) = delete;
    Io& operator=(const Io&) = delete;
    ~Io() { ev_io_stop(loop_, &io_); }
    void set(bool reads, bool writes) {
      ev_io_stop(loop_, &io_);
      ev_io_set(&io_, io_.fd, (reads ? EV_READ : 0) | (writes ? EV_WRITE : 0));
      ev_io_start(loop_, &io_);
    }

   private:
    struct ev_loop* loop_;
    ev_io io_{};
  };

  class Timer {
   public:
    Timer(LibevLoop& loop, std::uint64_t& count) : loop_(loop.loop_) {
      ev_timer_init(
          &timer_,
          [](struct ev_loop*, ev_timer* timer, int) {
            ++*static_cast<std::uint64_t*>(timer->data);
          },
          0., 0.);
      timer_.data = &count;
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { ev_timer_stop(loop_, &timer_); }
    // The way its manual recommends for timeouts; ev_timer_again() refuses a delay of zero.
    void arm(std::int64_t delay_ns) {
      timer_.repeat = static_cast<double>(delay_ns) / ns_per_second;
      if (delay_ns > 0) return ev_timer_again(loop_, &timer_);
      ev_timer_stop(loop_, &timer_);
      ev_timer_set(&timer_, 0., 0.);
      ev_timer_start(loop_, &timer_);
    }
    void cancel() { ev_timer_stop(loop_, &timer_); }

   private:
    struct ev_loop* loop_;
    ev_timer timer_{};
  };

 private:
  struct ev_loop* loop_;
  ev_async wake_{};
  PostQueue posts_;
};

[[maybe_unused]] const bool registered = (register_all<LibevLoop>("libev"), true);

}  // namespace
}  // namespace micro
