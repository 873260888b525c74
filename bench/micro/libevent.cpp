// SPDX-License-Identifier: MIT
// micro: libevent.
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>

#include "suite.h"

namespace micro {
namespace {

constexpr std::int64_t ns_per_second = 1'000'000'000;
constexpr std::int64_t ns_per_us = 1000;

void count_up(evutil_socket_t, short, void* count) { ++*static_cast<std::uint64_t*>(count); }

class LibeventLoop {
 public:
  LibeventLoop() {
    event_assign(
        &wake_, base_, -1, EV_PERSIST,
        [](evutil_socket_t, short, void* posts) { static_cast<PostQueue*>(posts)->run(); },
        &posts_);
    event_add(&wake_, nullptr);
  }
  LibeventLoop(const LibeventLoop&) = delete;
  LibeventLoop& operator=(const LibeventLoop&) = delete;
  ~LibeventLoop() {
    event_del(&wake_);
    event_base_free(base_);
  }

  void turn() { event_base_loop(base_, EVLOOP_ONCE | EVLOOP_NONBLOCK); }
  void run() { event_base_loop(base_, EVLOOP_NO_EXIT_ON_EMPTY); }
  void stop() { event_base_loopbreak(base_); }
  void post(std::function<void()> work) {
    if (posts_.push(std::move(work))) event_active(&wake_, EV_READ, 0);
  }

  class Io {
   public:
    Io(LibeventLoop& loop, int fd, std::uint64_t& count)
        : base_(loop.base_), fd_(fd), count_(count) {}
    Io(const Io&) = delete;
    Io& operator=(const Io&) = delete;
    ~Io() {
      if (added_) event_del(&event_);
    }
    void set(bool reads, bool writes) {
      if (added_) event_del(&event_);
      const int wanted = EV_PERSIST | (reads ? EV_READ : 0) | (writes ? EV_WRITE : 0);
      event_assign(&event_, base_, fd_, static_cast<short>(wanted), count_up, &count_);
      event_add(&event_, nullptr);
      added_ = true;
    }

   private:
    event_base* base_;
    int fd_;
    std::uint64_t& count_;
    bool added_ = false;
    event event_{};
  };

  class Timer {
   public:
    Timer(LibeventLoop& loop, std::uint64_t& count) {
      evtimer_assign(&event_, loop.base_, count_up, &count);
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { evtimer_del(&event_); }
    void arm(std::int64_t delay_ns) {
      const timeval delay{.tv_sec = delay_ns / ns_per_second,
                          .tv_usec = delay_ns % ns_per_second / ns_per_us};
      evtimer_add(&event_, &delay);
    }
    void cancel() { evtimer_del(&event_); }

   private:
    event event_{};
  };

 private:
  static event_base* make_base() {
    evthread_use_pthreads();  // for event_active() from another thread
    return event_base_new();
  }

  event_base* base_ = make_base();
  event wake_{};
  PostQueue posts_;
};

[[maybe_unused]] const bool registered = (register_all<LibeventLoop>("libevent"), true);

}  // namespace
}  // namespace micro
