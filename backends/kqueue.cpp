// SPDX-License-Identifier: MIT
// FreeBSD, NetBSD, OpenBSD and macOS: kqueue(2).
//
// A registration is up to two level-triggered filters in the kernel, EVFILT_READ and EVFILT_WRITE,
// with the token in udata; there is no second table here. Each filter stands for one direction and
// reports the hang-up and the error of that direction. The EV_EOF of EVFILT_WRITE is never
// examined: after our own shutdown it does not mean that the peer is gone. A descriptor that is
// ready in both directions comes as two events and is reported in two calls.
//
// The EV_EOF of EVFILT_READ is Ready::peer_closed. If that is awaited without read, the filter has
// a low-water mark that no amount of input reaches (NOTE_LOWAT): the kernels report the end all the
// same. Ready::priority needs EVFILT_EXCEPT, which OpenBSD and macOS have.
//
// Changes are submitted with EV_RECEIPT and an array for the receipts alone, so that a change never
// consumes an event and a receipt is never mistaken for one. New directions are added first. Only
// after that has succeeded, a second call submits EV_DELETE for the dropped directions and EV_ADD
// for the kept ones, which gives them the new token. A failure therefore leaves the old state.
//
// A pipe whose reader is closed refuses EVFILT_WRITE, although a write to it fails at once and so
// is ready. Such directions are kept in `ended_`, which is usually empty. Every wait reports them,
// and first offers them to the kernel again, since a FIFO may get another reader.
//
// wake() writes to a pipe. EVFILT_USER would save two descriptors and a read(), but OpenBSD and
// NetBSD before 10 lack it, and POSIX allows write() in signal handlers. The flag wake_pending_
// limits a burst of wake-ups to one byte. It is cleared after that byte has been read and before
// the sink is called, so the flag is set whenever there is a byte in the pipe.
//
// Costs: an fstat() whenever a registration gets its first interest, to refuse files as all
// backends do; two calls where one direction is added to, or replaces, another; 64-bit systems
// only; between kqueue() and fcntl() a fork and exec in another thread can inherit the descriptor.
#include <sys/types.h>  // first: older systems' <sys/event.h> does not include it

#include <sys/event.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include <rondo/backend.h>
#include <rondo/net.h>

#include "descriptor.h"

namespace rondo::backends {
namespace {

using Event = struct kevent;  // the function of the same name hides the type
// The types of these fields differ between systems: NetBSD's are wider, its filters start at 0, and
// its udata was an integer before version 10. EV_SET would need a cast per system.
using Filter = decltype(Event::filter);
using Flags = decltype(Event::flags);
using Udata = decltype(Event::udata);
static_assert(sizeof(Udata) == sizeof(Token), "udata cannot hold a token on a 32-bit system");

constexpr std::size_t events_per_wait_max = 256;
constexpr std::chrono::hours sleep_max{24};  // FreeBSD's limit; a wait may return early

/// The errno of the change in each direction, 0 if it succeeded or was not requested; and the errno
/// of the call as a whole, which fails if the kqueue itself does.
struct Outcome {
  int call = 0;
  int read = 0;
  int write = 0;
  int priority = 0;
};

constexpr Ready of_read_filter = Ready::read | Ready::peer_closed;

/// The filters for an interest: `peer_closed` without `read` stands for an EVFILT_READ that does
/// not report input.
constexpr Ready filters_of(Ready interest) noexcept {
  return can_read(interest) ? interest - Ready::peer_closed : interest;
}

constexpr bool uses_read_filter(Ready filters) noexcept {
  return (filters & of_read_filter) != Ready::none;
}

/// Those of `filters` for which the kernel needs no filter that `others` do not have.
constexpr Ready shared(Ready filters, Ready others) noexcept {
  return filters & (uses_read_filter(others) ? others | of_read_filter : others);
}

Event make_change(int fd, Filter filter, Flags action, Token token) noexcept {
  Event change{};
  change.ident = static_cast<decltype(change.ident)>(fd);
  change.filter = filter;
  change.flags = static_cast<Flags>(action | EV_RECEIPT);
  change.udata = std::bit_cast<Udata>(token);
  return change;
}

Token token_of(const Event& event) noexcept {
  const Udata udata = event.udata;  // a copy: Apple packs the struct
  return std::bit_cast<Token>(udata);
}

/// kqueue accepts files too, but all backends of rondo refuse them. EV_ADD reports the other kinds
/// that cannot be polled, such as some devices.
std::error_code check_pollable(int fd) noexcept {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return system_error(errno);
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode))
    return std::make_error_code(std::errc::operation_not_permitted);
  return {};
}

/// Whether EV_ADD failed with `error` because the other end of the pipe is closed. NetBSD reports
/// that as EBADF.
bool has_ended(int fd, int error) noexcept {
  if (error != EBADF) return error == EPIPE;
  struct stat status{};
  return ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

Ready ended_directions(int fd, const Outcome& outcome, Ready submitted) noexcept {
  return (has_ended(fd, outcome.read) ? submitted & of_read_filter : Ready::none) |
         (has_ended(fd, outcome.write) ? Ready::write : Ready::none);
}

/// "No such filter for this kind of descriptor" has several numbers; the port has one for it.
std::error_code to_port_error(int error) noexcept {
  constexpr std::array unpollable{EINVAL, ENODEV, ENOTSUP, EOPNOTSUPP};
  if (std::ranges::find(unpollable, error) == unpollable.end()) return system_error(error);
  return std::make_error_code(std::errc::operation_not_permitted);
}

Ready ready_of(const Event& event) noexcept {
  if (event.filter == EVFILT_WRITE) return Ready::write;
  if (event.filter != EVFILT_READ) return Ready::priority;
  return (event.flags & EV_EOF) != 0 ? of_read_filter : Ready::read;
}

timespec time_left(TimePoint now, TimePoint deadline) noexcept {
  if (deadline <= now) return {};
  const Duration left = std::min<Duration>(deadline - now, sleep_max);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  timespec timeout{};
  timeout.tv_sec = static_cast<decltype(timeout.tv_sec)>(seconds.count());
  timeout.tv_nsec = static_cast<decltype(timeout.tv_nsec)>((left - seconds).count());
  return timeout;
}

/// Adds the filters of `added` and deletes those of `deleted`, which have no direction in common.
Outcome change(int queue, int fd, Ready added, Ready deleted, Token token) noexcept {
  std::array<Event, 3> changes;
  std::size_t count = 0;
  const auto submit = [&](Filter filter, bool adds) -> Event& {
    return changes[count++] = make_change(fd, filter, adds ? EV_ADD : EV_DELETE, token);
  };
  if (uses_read_filter(added | deleted)) {
    Event& change = submit(EVFILT_READ, uses_read_filter(added));
    if (has_peer_closed(added)) {
      change.fflags = NOTE_LOWAT;
      change.data = INT_MAX;
    }
  }
  if (can_write(added | deleted)) submit(EVFILT_WRITE, can_write(added));
#ifdef EVFILT_EXCEPT
  if (has_priority(added | deleted)) submit(EVFILT_EXCEPT, has_priority(added)).fflags = NOTE_OOB;
#endif
  if (count == 0) return {};

  std::array<Event, 3> receipts;
  const auto size = static_cast<unsigned short>(count);  // converts to int, and NetBSD's size_t
  const timespec no_sleep{};
  int received = 0;
  do {  // a change may be submitted twice
    received = ::kevent(queue, changes.data(), size, receipts.data(), size, &no_sleep);
  } while (received < 0 && errno == EINTR);

  Outcome outcome;
  if (received < 0) outcome.call = errno;
  for (int i = 0; i < received; ++i) {
    const Event& receipt = receipts[static_cast<std::size_t>(i)];
    if ((receipt.flags & EV_ERROR) == 0) continue;  // some systems leave other flags set
    int& error = receipt.filter == EVFILT_READ    ? outcome.read
                 : receipt.filter == EVFILT_WRITE ? outcome.write
                                                  : outcome.priority;
    error = static_cast<int>(receipt.data);
  }
  return outcome;
}

/// The descriptor of the kqueue, closed only by the process that opened it: a child process does
/// not inherit it, and may have another descriptor with the same number.
class Queue {
 public:
  Queue() noexcept : fd_(::kqueue()), owner_(::getpid()) {}
  Queue(Queue&& other) noexcept : fd_(std::exchange(other.fd_, -1)), owner_(other.owner_) {}
  Queue& operator=(Queue&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(owner_, other.owner_);
    return *this;
  }
  ~Queue() {
    if (fd_ >= 0 && owner_ == ::getpid()) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
  pid_t owner_;
};

struct Kernel {
  Queue queue;
  Descriptor wake_reader;
  Descriptor wake_writer;
};

Result<Kernel, std::error_code> make_kernel() noexcept {
  Kernel kernel;
  int ends[2];
  if (kernel.queue.get() < 0 || ::pipe(ends) != 0)  // macOS lacks pipe2
    return last_system_error();
  kernel.wake_reader = Descriptor{ends[0]};
  kernel.wake_writer = Descriptor{ends[1]};
  for (const int fd : {kernel.queue.get(), ends[0], ends[1]})
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return last_system_error();
  for (const int fd : ends)
    if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return last_system_error();

  const Outcome outcome = change(kernel.queue.get(), ends[0], Ready::read, Ready::none, no_token);
  if (outcome.call != 0) return system_error(outcome.call);
  if (outcome.read != 0) return system_error(outcome.read);
  return kernel;
}

class KqueueBackend final : public Backend {
 public:
  explicit KqueueBackend(Kernel kernel) noexcept : kernel_(std::move(kernel)) {}

  std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override;
  void unwatch(int fd, Ready from) noexcept override {
    reduce(fd, Ready::none, Ready::none, filters_of(from), no_token);
  }
  std::error_code wait(Sink& sink, TimePoint deadline) override;
  void wake() noexcept override;
  std::error_code reinit() noexcept override;
  int poll_fd() const noexcept override { return kernel_.queue.get(); }
  TimePoint sleeps_until() noexcept override { return ended_.empty() ? never : TimePoint::min(); }
  TimePoint now() const noexcept override { return Clock::now(); }
  Net& net() noexcept override { return system_net(); }

 private:
  /// Directions of a registration that the kernel refuses because the other end of a pipe is
  /// closed.
  struct Ended {
    int fd;
    Ready directions;
    Token token;
  };

  std::error_code add(int fd, Ready directions, Token token) noexcept;
  /// Changes the token of `kept` and deletes `dropped`. `wanted` also has what was just added.
  void reduce(int fd, Ready wanted, Ready kept, Ready dropped, Token token) noexcept;
  int poll(TimePoint deadline) noexcept;
  void end_wake() noexcept;
  void offer_ended_again() noexcept;
  void report_ended(Sink& sink);

  Kernel kernel_;
  std::atomic<bool> wake_pending_ = false;
  std::vector<Ended> ended_;
  std::array<Event, events_per_wait_max> events_;
};

std::error_code KqueueBackend::add(int fd, Ready directions, Token token) noexcept {
  const Outcome outcome = change(kernel_.queue.get(), fd, directions, Ready::none, token);
  const Ready ended = ended_directions(fd, outcome, directions);
  int failed = outcome.call;
  if (outcome.read != 0 && !uses_read_filter(ended)) failed = outcome.read;
  if (outcome.write != 0 && !can_write(ended)) failed = outcome.write;
  if (outcome.priority != 0) failed = outcome.priority;
  if (failed == 0 && ended != Ready::none) {
    try {
      ended_.push_back({fd, ended, token});
    } catch (const std::bad_alloc&) {
      failed = ENOMEM;
    }
  }
  if (failed == 0) return {};
  (void)change(kernel_.queue.get(), fd, Ready::none, directions, token);  // undo a partial success
  return to_port_error(failed);
}

void KqueueBackend::reduce(int fd, Ready wanted, Ready kept, Ready dropped, Token token) noexcept {
  // A failure does not matter: a dropped filter that cannot be deleted is gone already, and a kept
  // one cannot be changed only if the descriptor, and with it the filter, is closed.
  (void)change(kernel_.queue.get(), fd, kept, dropped, token);
  for (Ended& ended : ended_)
    if (ended.fd == fd) ended = {fd, shared(wanted, ended.directions - dropped), token};
  std::erase_if(ended_, [](const Ended& ended) { return ended.directions == Ready::none; });
}

std::error_code KqueueBackend::watch(int fd, Ready from, Ready to, Token token) noexcept {
#ifndef EVFILT_EXCEPT
  if (has_priority(to)) return std::make_error_code(std::errc::operation_not_supported);
#endif
  if (from == Ready::none) {
    if (const auto error = check_pollable(fd)) return error;
  }
  const Ready before = filters_of(from);
  const Ready wanted = filters_of(to);
  const Ready kept = shared(wanted, before);
  if (const auto error = add(fd, wanted - kept, token)) return error;
  reduce(fd, wanted, kept, before - shared(before, wanted), token);
  return {};
}

int KqueueBackend::poll(TimePoint deadline) noexcept {
  timespec timeout{};
  if (deadline != never && deadline != TimePoint::min()) timeout = time_left(now(), deadline);
  return ::kevent(kernel_.queue.get(), nullptr, 0, events_.data(),
                  static_cast<int>(events_per_wait_max), deadline == never ? nullptr : &timeout);
}

std::error_code KqueueBackend::wait(Sink& sink, TimePoint deadline) {
  offer_ended_again();
  const int count = poll(ended_.empty() ? deadline : TimePoint::min());
  if (count < 0 && errno != EINTR) return last_system_error();
  if (wake_pending_.load()) end_wake();
  for (int i = 0; i < count; ++i) {
    const Event& event = events_[static_cast<std::size_t>(i)];
    sink.ready(token_of(event), ready_of(event));
  }
  report_ended(sink);
  return {};
}

void KqueueBackend::offer_ended_again() noexcept {
  if (ended_.empty()) return;
  for (Ended& ended : ended_) {
    const Outcome outcome =
        change(kernel_.queue.get(), ended.fd, ended.directions, Ready::none, ended.token);
    if (outcome.call == 0) ended.directions = ended_directions(ended.fd, outcome, ended.directions);
  }
  std::erase_if(ended_, [](const Ended& ended) { return ended.directions == Ready::none; });
}

/// The sink may watch and unwatch meanwhile. An entry that moves to an earlier index is reported by
/// the next wait.
void KqueueBackend::report_ended(Sink& sink) {
  const std::size_t count = ended_.size();
  for (std::size_t i = 0; i < count && i < ended_.size(); ++i) {
    const Ended ended = ended_[i];
    sink.ready(ended.token, ended.directions | Ready::peer_closed);
  }
}

void KqueueBackend::wake() noexcept {
  if (wake_pending_.exchange(true)) return;
  const int saved_errno = errno;
  (void)!::write(kernel_.wake_writer.get(), "", 1);  // cannot fail: the pipe holds one byte
  errno = saved_errno;
}

void KqueueBackend::end_wake() noexcept {
  std::byte byte{};
  if (::read(kernel_.wake_reader.get(), &byte, 1) > 0) wake_pending_.store(false);
}

/// The pipe is shared with the parent process, so it is replaced too. A wake-up may have been
/// pending when the process forked: the new queue begins with one.
std::error_code KqueueBackend::reinit() noexcept {
  Result<Kernel, std::error_code> kernel = make_kernel();
  if (!kernel) return kernel.error();
  wake_pending_.store(true);  // a wake() in a signal handler must not write to either pipe
  kernel_ = std::move(*kernel);
  ended_.clear();
  wake_pending_.store(false);
  wake();
  return {};
}

}  // namespace

Result<std::unique_ptr<Backend>, std::error_code> make_kqueue() {
  Result<Kernel, std::error_code> kernel = make_kernel();
  if (!kernel) return kernel.error();
  return std::unique_ptr<Backend>{std::make_unique<KqueueBackend>(std::move(*kernel))};
}

}  // namespace rondo::backends
