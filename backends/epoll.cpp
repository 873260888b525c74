// SPDX-License-Identifier: MIT
// Linux: epoll(7), level-triggered, the Token in the event's data.
//
// wake() writes to an eventfd that is registered edge-triggered. Each write is an edge, so the
// counter is never read: it takes 2^64 wake-ups to fill. The flag wake_pending_ limits a burst of
// wake-ups to one write. It is cleared after each sleep and before the sink is called, so a later
// wake() writes again; at worst this is one write too many.
//
// EPOLLHUP and EPOLLERR cannot be masked. A registration without an interest is therefore removed
// from the set, and added again later. Both events are reported as all that may be awaited: the
// read or write that follows finds the error, after the data that came before it.
//
// epoll_pwait2 (Linux 5.11) meets a deadline to the nanosecond. Where the kernel lacks it,
// epoll_wait meets it in milliseconds, rounded up.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>
#include <memory>
#include <span>
#include <utility>

#include <rondo/backend.h>
#include <rondo/net.h>

#include "descriptor.h"

namespace rondo::backends {
namespace {

constexpr std::size_t events_per_wait_max = 1024;

constexpr std::uint32_t mask_of(Ready ready) noexcept {
  return (can_read(ready) ? std::uint32_t{EPOLLIN} : 0U) |
         (can_write(ready) ? std::uint32_t{EPOLLOUT} : 0U) |
         (has_peer_closed(ready) ? std::uint32_t{EPOLLRDHUP} : 0U) |
         (has_priority(ready) ? std::uint32_t{EPOLLPRI} : 0U);
}

/// The readiness for each combination of the common events: one load in the hot loop.
constexpr std::array<Ready, 32> ready_by_events = [] {
  std::array<Ready, 32> table{};
  for (std::uint32_t events = 0; events < table.size(); ++events) {
    if ((events & EPOLLIN) != 0) table[events] |= Ready::read;
    if ((events & EPOLLOUT) != 0) table[events] |= Ready::write;
    if ((events & EPOLLPRI) != 0) table[events] |= Ready::priority;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) table[events] = detail::ready_for_all;
  }
  return table;
}();
static_assert((EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLERR | EPOLLHUP) < 32);
static_assert(EPOLLRDHUP >= 32);

constexpr Ready ready_of(std::uint32_t events) noexcept {
  if (events < ready_by_events.size()) [[likely]]
    return ready_by_events[events];
  const Ready rest = (events & EPOLLRDHUP) != 0 ? Ready::peer_closed : Ready::none;
  return rest | ready_by_events[events % ready_by_events.size()];
}

struct Kernel {
  Descriptor epoll;
  Descriptor wake;
};

Result<Kernel, std::error_code> make_kernel() noexcept {
  Kernel kernel{Descriptor{::epoll_create1(EPOLL_CLOEXEC)},
                Descriptor{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)}};
  epoll_event event{.events = EPOLLIN | EPOLLET,
                    .data = {.u64 = static_cast<std::uint64_t>(no_token)}};
  if (!kernel.epoll || !kernel.wake ||
      ::epoll_ctl(kernel.epoll.get(), EPOLL_CTL_ADD, kernel.wake.get(), &event) != 0) {
    return last_system_error();
  }
  return kernel;
}

class EpollBackend final : public Backend {
 public:
  explicit EpollBackend(Kernel kernel) noexcept : kernel_(std::move(kernel)) {}

  std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override {
    if (to == Ready::none) {
      unwatch(fd, from);
      return {};
    }
    const int expected = from == Ready::none ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (control(expected, fd, to, token) == 0) return {};
    // The descriptor was closed and opened again meanwhile, or an earlier attempt has added it.
    if (errno == EEXIST && control(EPOLL_CTL_MOD, fd, to, token) == 0) return {};
    if (errno == ENOENT && control(EPOLL_CTL_ADD, fd, to, token) == 0) return {};
    return last_system_error();
  }

  void unwatch(int fd, Ready from) noexcept override {
    if (from == Ready::none) return;
    // A failure means that the descriptor, and with it the registration, is closed already.
    (void)::epoll_ctl(kernel_.epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
  }

  bool unwatches_at_close() const noexcept override { return true; }

  std::error_code wait(Sink& sink, TimePoint deadline) override {
    const int count = poll(deadline);
    // An exchange costs no more than a store, and makes visible what was posted before a wake()
    // that found the flag set.
    (void)wake_pending_.exchange(false);
    if (count < 0) return errno == EINTR ? std::error_code{} : last_system_error();
    for (const epoll_event& event : std::span{events_}.first(static_cast<std::size_t>(count))) {
      sink.ready(Token{event.data.u64}, ready_of(event.events));
    }
    return {};
  }

  void wake() noexcept override {
    if (wake_pending_.exchange(true)) return;
    const int saved_errno = errno;
    const std::uint64_t one = 1;
    // The write fails only after 2^64 wake-ups.
    (void)!::write(kernel_.wake.get(), &one, sizeof one);
    errno = saved_errno;
  }

  std::error_code reinit() noexcept override {
    Result<Kernel, std::error_code> kernel = make_kernel();
    if (!kernel) return kernel.error();
    // Other threads and signal handlers may be about to write to the eventfd, so its number stays
    // the same and is open all the time. The new set has registered the eventfd under another
    // number, which is valid as long as any descriptor of the eventfd is open.
    if (::dup3(kernel->wake.get(), kernel_.wake.get(), O_CLOEXEC) < 0) return last_system_error();
    std::swap(kernel_.epoll, kernel->epoll);
    // A pending wake-up was lost with the old eventfd.
    if (wake_pending_.exchange(false)) wake();
    return {};
  }

  int poll_fd() const noexcept override { return kernel_.epoll.get(); }
  TimePoint now() const noexcept override { return Clock::now(); }
  Net& net() noexcept override { return system_net(); }

 private:
  int control(int operation, int fd, Ready ready, Token token) noexcept {
    epoll_event event{.events = mask_of(ready), .data = {.u64 = static_cast<std::uint64_t>(token)}};
    return ::epoll_ctl(kernel_.epoll.get(), operation, fd, &event);
  }

  int poll(TimePoint deadline) noexcept {
    if (deadline == never) return poll_for_ms(-1);
    if (deadline == TimePoint::min()) return poll_for_ms(0);  // do not sleep
    const TimePoint time = now();
    if (deadline <= time) return poll_for_ms(0);
    const Duration left = deadline - time;
    if (has_pwait2_) {
      const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
      const timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
      const int count = ::epoll_pwait2(kernel_.epoll.get(), events_.data(),
                                       static_cast<int>(events_.size()), &timeout, nullptr);
      if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
      has_pwait2_ = false;
    }
    const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return poll_for_ms(static_cast<int>(std::min<std::int64_t>(left_ms, INT_MAX)));
  }

  int poll_for_ms(int timeout_ms) noexcept {
    return ::epoll_wait(kernel_.epoll.get(), events_.data(), static_cast<int>(events_.size()),
                        timeout_ms);
  }

  Kernel kernel_;
  bool has_pwait2_ = true;
  std::atomic<bool> wake_pending_ = false;
  std::array<epoll_event, events_per_wait_max> events_;
};

}  // namespace

Result<std::unique_ptr<Backend>, std::error_code> make_epoll() {
  Result<Kernel, std::error_code> kernel = make_kernel();
  if (!kernel) return kernel.error();
  return std::unique_ptr<Backend>{std::make_unique<EpollBackend>(std::move(*kernel))};
}

}  // namespace rondo::backends
