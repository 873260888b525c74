// rondo: the native backend of FreeBSD, NetBSD, OpenBSD and macOS: kqueue.
//
// A registration is up to two filters in the kernel, EVFILT_READ and EVFILT_WRITE, level-triggered,
// each carrying the token in its udata: the kernel's table is the only one. A filter stands for one
// direction and tells of its own hang-up and error, so that filter and direction translate one to
// one and EV_EOF is never looked at: after our own shutdown it is not the peer's death anyway. A
// descriptor that is ready both ways comes as two events, and is told in two calls.
//
// Changes are submitted with EV_RECEIPT, and their receipts go into an array of the call's own: no
// event is taken by the way, and no receipt is ever taken for an event. What is new comes first;
// after it has succeeded, in a second call, EV_DELETE for what is not wanted any more and EV_ADD to
// give the new token to what is kept. So a failure leaves what was.
//
// One thing has no filter: a pipe whose reader has gone refuses EVFILT_WRITE. It is ready, for
// writing to it tells so at once; hence `ended_`, empty in ordinary times: what is in it is told
// by every wait, and offered to the kernel again before, since a FIFO may get another reader.
//
// wake() writes to a pipe. EVFILT_USER would save two descriptors and a read(), but OpenBSD and
// NetBSD before 10 lack it, and write() is what POSIX allows in signal handlers. The flag keeps a
// burst to one byte, and falls when that byte has been read: before the sink is called, and never
// while a wake() is between the two, so that a byte in the pipe always has the flag up.
//
// Costs: fstat() at each start from rest, to refuse files as all backends do; two calls where a
// direction is added to another or takes its place; 64-bit systems only; between kqueue() and
// fcntl() another thread's fork and exec can inherit the descriptor.
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

using Event = struct kevent;  // the function of that name hides the type
// The types of these fields differ from system to system: NetBSD's are wider, its filters start at
// 0, and its udata was an integer before version 10. EV_SET would need a cast per system.
using Filter = decltype(Event::filter);
using Flags = decltype(Event::flags);
using Udata = decltype(Event::udata);
static_assert(sizeof(Udata) == sizeof(Token), "udata cannot hold a token on a 32-bit system");

constexpr std::size_t events_per_wait_max = 256;  // one wait's
constexpr std::chrono::hours sleep_max{24};       // FreeBSD's limit; a wait may return early

/// The errno of each direction's change, 0 where it succeeded or was not asked for; and of the call
/// as a whole, which fails where the kqueue itself does.
struct Outcome {
  int call = 0;
  int read = 0;
  int write = 0;
};

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

/// kqueue takes files too, but rondo's backends are alike: a file is no stream of events. What
/// other kinds cannot be polled, such as some devices, EV_ADD tells.
std::error_code check_pollable(int fd) noexcept {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return system_error(errno);
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode))
    return std::make_error_code(std::errc::operation_not_permitted);
  return {};
}

/// Whether EV_ADD failed with `error` because the pipe's other end is closed. NetBSD says EBADF.
bool has_ended(int fd, int error) noexcept {
  if (error != EBADF) return error == EPIPE;
  struct stat status{};
  return ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

Ready ended_directions(int fd, const Outcome& outcome) noexcept {
  return (has_ended(fd, outcome.read) ? Ready::read : Ready::none) |
         (has_ended(fd, outcome.write) ? Ready::write : Ready::none);
}

/// "No such filter for this kind of descriptor" has many names, and one at the port.
std::error_code to_port_error(int error) noexcept {
  constexpr std::array unpollable{EINVAL, ENODEV, ENOTSUP, EOPNOTSUPP};
  if (std::ranges::find(unpollable, error) == unpollable.end()) return system_error(error);
  return std::make_error_code(std::errc::operation_not_permitted);
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

/// Adds the filters of the one and deletes those of the other, which have no direction in common.
Outcome change(int queue, int fd, Ready added, Ready deleted, Token token) noexcept {
  std::array<Event, 2> changes;
  std::size_t count = 0;
  const auto submit = [&](Filter filter, bool adds) {
    changes[count++] = make_change(fd, filter, adds ? EV_ADD : EV_DELETE, token);
  };
  if (can_read(added | deleted)) submit(EVFILT_READ, can_read(added));
  if (can_write(added | deleted)) submit(EVFILT_WRITE, can_write(added));
  if (count == 0) return {};

  std::array<Event, 2> receipts;
  const auto size = static_cast<unsigned short>(count);  // for an int and NetBSD's size_t alike
  const timespec no_sleep{};
  int received = 0;
  do {  // submitting a change twice does no harm
    received = ::kevent(queue, changes.data(), size, receipts.data(), size, &no_sleep);
  } while (received < 0 && errno == EINTR);

  Outcome outcome;
  if (received < 0) outcome.call = errno;
  for (int i = 0; i < received; ++i) {
    const Event& receipt = receipts[static_cast<std::size_t>(i)];
    if ((receipt.flags & EV_ERROR) == 0) continue;  // a bit: not all systems clear the others
    (receipt.filter == EVFILT_READ ? outcome.read : outcome.write) = static_cast<int>(receipt.data);
  }
  return outcome;
}

/// The kqueue's descriptor, closed by the process that opened it: a child does not inherit it, and
/// may have another under the same number.
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
  void unwatch(int fd, Ready from) noexcept override { settle(fd, Ready::none, from, no_token); }
  std::error_code wait(Sink& sink, TimePoint deadline) override;
  void wake() noexcept override;
  std::error_code reinit() noexcept override;
  TimePoint now() const noexcept override { return Clock::now(); }
  Net& net() noexcept override { return system_net(); }

 private:
  /// Directions of a registration that the kernel refuses, because a pipe's other end is closed.
  struct Ended {
    int fd;
    Ready directions;
    Token token;
  };

  std::error_code add(int fd, Ready directions, Token token) noexcept;
  void settle(int fd, Ready kept, Ready dropped, Token token) noexcept;
  int poll(TimePoint deadline) noexcept;
  void end_wake() noexcept;
  void offer_ended_again() noexcept;
  void tell_ended(Sink& sink);

  Kernel kernel_;
  std::atomic<bool> wake_pending_ = false;
  std::vector<Ended> ended_;
  std::array<Event, events_per_wait_max> events_;
};

std::error_code KqueueBackend::add(int fd, Ready directions, Token token) noexcept {
  const Outcome outcome = change(kernel_.queue.get(), fd, directions, Ready::none, token);
  const Ready ended = ended_directions(fd, outcome);
  int failed = outcome.call;
  if (outcome.read != 0 && !can_read(ended)) failed = outcome.read;
  if (outcome.write != 0 && !can_write(ended)) failed = outcome.write;
  if (failed == 0 && ended != Ready::none) {
    try {
      ended_.push_back({fd, ended, token});
    } catch (const std::bad_alloc&) {
      failed = ENOMEM;
    }
  }
  if (failed == 0) return {};
  (void)change(kernel_.queue.get(), fd, Ready::none, directions, token);  // what succeeded of it
  return to_port_error(failed);
}

void KqueueBackend::settle(int fd, Ready kept, Ready dropped, Token token) noexcept {
  // What the kernel says does not matter: what was dropped is gone, or was before; and to mend a
  // filter that is there fails only if the descriptor has been closed, and the filter with it.
  (void)change(kernel_.queue.get(), fd, kept, dropped, token);
  if (ended_.empty()) return;
  for (Ended& ended : ended_)
    if (ended.fd == fd) ended = {fd, ended.directions - dropped, token};
  std::erase_if(ended_, [](const Ended& ended) { return ended.directions == Ready::none; });
}

std::error_code KqueueBackend::watch(int fd, Ready from, Ready to, Token token) noexcept {
  if (from == Ready::none) {
    if (const auto error = check_pollable(fd)) return error;
  }
  if (const auto error = add(fd, to - from, token)) return error;
  settle(fd, from & to, from - to, token);
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
    sink.ready(token_of(event), event.filter == EVFILT_READ ? Ready::read : Ready::write);
  }
  tell_ended(sink);
  return {};
}

void KqueueBackend::offer_ended_again() noexcept {
  if (ended_.empty()) return;
  for (Ended& ended : ended_) {
    const Outcome outcome =
        change(kernel_.queue.get(), ended.fd, ended.directions, Ready::none, ended.token);
    if (outcome.call == 0) ended.directions = ended_directions(ended.fd, outcome);
  }
  std::erase_if(ended_, [](const Ended& ended) { return ended.directions == Ready::none; });
}

/// The sink may watch and unwatch meanwhile: what shifts out of sight is told by the next wait.
void KqueueBackend::tell_ended(Sink& sink) {
  const std::size_t count = ended_.size();
  for (std::size_t i = 0; i < count && i < ended_.size(); ++i) {
    const Ended ended = ended_[i];
    sink.ready(ended.token, ended.directions);
  }
}

void KqueueBackend::wake() noexcept {
  if (wake_pending_.exchange(true)) return;
  const int saved_errno = errno;
  // It cannot fail: the pipe holds one byte at most.
  (void)!::write(kernel_.wake_writer.get(), "", 1);
  errno = saved_errno;
}

void KqueueBackend::end_wake() noexcept {
  std::byte byte{};
  if (::read(kernel_.wake_reader.get(), &byte, 1) > 0) wake_pending_.store(false);
}

/// The pipe is shared with the parent, so it is replaced too. Whether a wake() was under way when
/// the process forked cannot be told: the new queue begins with one.
std::error_code KqueueBackend::reinit() noexcept {
  Result<Kernel, std::error_code> kernel = make_kernel();
  if (!kernel) return kernel.error();
  wake_pending_.store(true);  // keeps a signal handler's wake() off the pipes
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
