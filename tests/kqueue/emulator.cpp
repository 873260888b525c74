// SPDX-License-Identifier: MIT
// kqueue(2) and kevent(2) for Linux, as far as rondo's backend needs them, with the behaviour of
// several systems. Written from the manual page.
//
// A queue is a socket that is never used: it has a descriptor, close(2) closes it, and its inode
// shows whether the number still belongs to the queue. The table of notes is here (a note is an
// ident and a filter; the kernel calls it a knote). kevent() calls poll(2) for all descriptors with
// notes, look() translates the results, and ppoll(2) sleeps until one changes. A descriptor that is
// ready for poll but not for kqueue would end that sleep at once: it is left out, and the sleep is
// cut into slices.
//
// The note of a closed descriptor is removed when it may next be reported. So is a note whose
// descriptor number now belongs to another file (compared by device and inode: a dup() of the same
// file is not distinguished). For the edges of EV_CLEAR each such note has an epoll instance of its
// own, which is closed with the note, not with the queue.
//
// A queue that is asked for the end of a process becomes a pidfd. It can then be polled by another
// queue, which is all that rondo does with it; it takes no more changes.
//
// Thread-safe, but a kevent() that already sleeps does not see the changes of another thread.
#include "emulator.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "look.h"

namespace rondo::test {
namespace {

using Event = struct kevent;
using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds slice{1};
constexpr time_t xnu_seconds_max = 100'000'000;

/// An allocator without operator new: the tables stand for kernel memory, which tests that count
/// allocations must not count.
template <typename T>
struct KernelMemory {
  using value_type = T;
  KernelMemory() noexcept = default;
  template <typename U>
  KernelMemory(const KernelMemory<U>&) noexcept {}  // NOLINT: allocators convert
  T* allocate(std::size_t count) {
    if (void* const memory = std::malloc(count * sizeof(T))) return static_cast<T*>(memory);
    throw std::bad_alloc{};
  }
  void deallocate(T* memory, std::size_t) noexcept { std::free(memory); }
  bool operator==(const KernelMemory&) const = default;
};
template <typename T>
using Vector = std::vector<T, KernelMemory<T>>;
template <typename Key, typename T>
using Map = std::map<Key, T, std::less<>, KernelMemory<std::pair<const Key, T>>>;

/// An epoll instance that reports the edges of `fd` in one direction. It is closed with its note.
class Edge {
 public:
  Edge(int fd, short filter) noexcept : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event{};
    event.events = (filter == EVFILT_READ ? EPOLLIN | EPOLLRDHUP : EPOLLOUT) | EPOLLET;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
  Edge(Edge&& other) noexcept : epoll_(std::exchange(other.epoll_, -1)) {}
  Edge& operator=(Edge&& other) = delete;
  ~Edge() { close(epoll_); }

  bool take() noexcept {
    epoll_event event{};
    return epoll_wait(epoll_, &event, 1, 0) == 1;
  }

 private:
  int epoll_;
};

struct Note {
  Event added{};  // its events have the same ident, filter and udata
  Identity identity;
  std::optional<Edge> edge;
  bool disabled = false;
  bool end_shown = false;
  std::uint64_t reported =
      0;  // when it was last reported, counted in events of the queue: the oldest goes first
};

struct Queue {
  Personality personality = Personality::freebsd;
  std::mt19937_64 dice;
  Identity identity;
  Map<std::pair<uintptr_t, short>, Note> notes;
  std::uint64_t reported = 0;

  bool is_evil() const noexcept { return personality == Personality::evil; }
  /// True once in `sides` calls for the evil personality, never for the others.
  bool mischief(std::uint64_t sides) noexcept { return is_evil() && dice() % sides == 0; }
};

struct World {
  std::mutex mutex;
  Map<int, Queue> queues;
  Personality personality = Personality::freebsd;
  std::uint64_t seed = 0;
  int kqueue_error = 0;
  std::pair<short, int> add_error{};  // filter, errno
};

World& world() {
  static World* const all = [] {
    // A child inherits no queue: the descriptor numbers are free there.
    pthread_atfork([] { world().mutex.lock(); }, [] { world().mutex.unlock(); },
                   [] {
                     for (const auto& [fd, queue] : world().queues)
                       if (identity_of(fd) == queue.identity) close(fd);
                     world().queues.clear();
                     world().mutex.unlock();
                   });
    return new World;
  }();
  return *all;
}

Queue* find(int kq) {
  auto& queues = world().queues;
  const auto found = queues.find(kq);
  if (found == queues.end()) return nullptr;
  if (identity_of(kq) == found->second.identity) return &found->second;
  queues.erase(found);
  return nullptr;
}

int add(Queue& queue, const Event& change) {
  const int fd = static_cast<int>(change.ident);
  auto& [failing, error] = world().add_error;
  if (error != 0 && failing == change.filter) return std::exchange(error, 0);
  if (const int refused = refusal(fd, change.filter); refused != 0) return refused;
  const std::pair key{change.ident, change.filter};
  const Identity identity = identity_of(fd).value_or(Identity{});
  auto found = queue.notes.find(key);
  if (found != queue.notes.end() && found->second.identity != identity) {
    queue.notes.erase(found);
    found = queue.notes.end();
  }
  if (found == queue.notes.end()) {
    const bool takes_widows = queue.personality == Personality::xnu || queue.mischief(2);
    if (change.filter == EVFILT_WRITE && !takes_widows && is_widowed(fd))
      return queue.personality == Personality::netbsd || queue.mischief(2) ? EBADF : EPIPE;
    found = queue.notes.emplace(key, Note{}).first;
    found->second.added = change;
    found->second.identity = identity;
    if ((change.flags & EV_CLEAR) != 0) found->second.edge.emplace(fd, change.filter);
  }
  Event& added = found->second.added;
  added = {change.ident, change.filter, added.flags, change.fflags, change.data, change.udata, {}};
  found->second.disabled = (change.flags & EV_DISABLE) != 0;
  return 0;
}

int apply(int kq, Queue& queue, const Event& change) {
  if (change.filter == EVFILT_PROC) return watch_process(kq, change);
  if (change.filter != EVFILT_READ && change.filter != EVFILT_WRITE) return EINVAL;
  if ((change.flags & EV_ADD) != 0) return add(queue, change);
  const auto found = queue.notes.find({change.ident, change.filter});
  if (found == queue.notes.end()) return queue.mischief(2) ? EBADF : ENOENT;
  const bool is_closed = identity_of(static_cast<int>(change.ident)) != found->second.identity;
  if (is_closed || (change.flags & EV_DELETE) != 0) {
    queue.notes.erase(found);
    return is_closed ? ENOENT : 0;
  }
  if ((change.flags & (EV_ENABLE | EV_DISABLE)) != 0)
    found->second.disabled = (change.flags & EV_DISABLE) != 0;
  return 0;
}

/// Returns the number of receipts and errors that were stored, or -1 if an error found no room.
int apply_all(int kq, Queue& queue, std::span<const Event> changes, std::span<Event> out) {
  std::size_t placed = 0;
  for (const Event& change : changes) {
    const int error = apply(kq, queue, change);
    if (error == 0 && (change.flags & EV_RECEIPT) == 0) continue;
    if (placed == out.size()) {
      if (error == 0) break;
      errno = error;
      return -1;
    }
    const bool adds = queue.personality == Personality::xnu || queue.mischief(2);
    Event receipt = change;
    receipt.flags = static_cast<unsigned short>(adds ? change.flags | EV_ERROR : EV_ERROR);
    receipt.data = error;
    out[placed++] = receipt;
  }
  return static_cast<int>(placed);
}

struct Candidate {
  Event event;
  Note* note;
};

/// The ready notes, oldest first, and the notes that are not ready but can be awaited with ppoll.
struct Gathered {
  Vector<Candidate> ready;
  Vector<pollfd> sleepers;
  bool in_slices = false;
  bool lies = false;  // for the evil personality: each kevent() may report one spurious event
};

void gather_note(Queue& queue, Note& note, short polled, Gathered& into) {
  const short filter = note.added.filter;
  const int fd = static_cast<int>(note.added.ident);
  const short wanted = filter == EVFILT_READ ? POLLIN | POLLRDHUP : POLLOUT;
  const bool is_quiet = (polled & (wanted | POLLHUP | POLLERR)) == 0;
  Look found = is_quiet ? Look{} : look(fd, note.identity.mode, filter, polled);
  const bool has_mark = (note.added.fflags & NOTE_LOWAT) != 0;
  if (has_mark && found.data < note.added.data) found.ready = found.end;
  if (found.ready && note.edge) found.ready = note.edge->take();
  if (!found.ready && into.lies && queue.mischief(16))
    found = {.ready = true, .end = false, .data = 0};
  if (!found.ready) {
    if (is_quiet)
      into.sleepers.push_back({fd, wanted, 0});
    else
      into.in_slices = true;
    return;
  }
  Event event{};
  event.ident = note.added.ident;
  event.filter = filter;
  event.udata = note.added.udata;
  event.flags = static_cast<unsigned short>(note.added.flags & (EV_CLEAR | EV_ONESHOT));
  if (found.end && !(queue.is_evil() && note.end_shown && filter == EVFILT_WRITE))
    event.flags |= EV_EOF;
  event.data = queue.is_evil() ? 0 : found.data;
  into.ready.push_back({event, &note});
}

Gathered gather(Queue& queue, bool lies) {
  Vector<pollfd> polled;
  polled.reserve(queue.notes.size());
  for (const auto& [key, note] : queue.notes)
    polled.push_back({static_cast<int>(key.first), poll_all, 0});
  poll(polled.data(), polled.size(), 0);

  Gathered gathered{{}, {}, false, lies};
  gathered.sleepers.reserve(polled.size());
  auto item = polled.begin();
  for (auto entry = queue.notes.begin(); entry != queue.notes.end(); ++item) {
    auto& [key, note] = *entry;
    // What will not be reported may be another file by now.
    const bool may_be_reported = item->revents != 0 || queue.is_evil();
    const bool is_gone = may_be_reported && identity_of(item->fd) != note.identity;
    if (!is_gone && !note.disabled) gather_note(queue, note, item->revents, gathered);
    entry = is_gone ? queue.notes.erase(entry) : std::next(entry);
  }
  const bool read_first = queue.personality != Personality::netbsd;
  const auto rank = [read_first](const Candidate& one) {
    const bool is_write = one.event.filter == EVFILT_WRITE;
    return std::tuple{one.note->reported, one.event.ident, is_write == read_first};
  };
  std::ranges::sort(gathered.ready, {}, rank);
  return gathered;
}

int hand_out(Queue& queue, std::span<Candidate> ready, std::span<Event> out) {
  std::size_t count = std::min(ready.size(), out.size());
  if (count > 1 && queue.mischief(8)) count /= 2;
  if (queue.is_evil())
    std::shuffle(ready.begin(), ready.begin() + static_cast<std::ptrdiff_t>(count), queue.dice);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& [event, note] = ready[i];
    out[i] = event;
    note->reported = ++queue.reported;
    note->end_shown |= (event.flags & EV_EOF) != 0;
    const unsigned short flags = note->added.flags;
    if ((flags & EV_DISPATCH) != 0) note->disabled = true;
    if ((flags & EV_ONESHOT) != 0) queue.notes.erase({event.ident, event.filter});
  }
  return static_cast<int>(count);
}

bool is_valid(const Queue& queue, const timespec& timeout) noexcept {
  if (timeout.tv_sec < 0 || timeout.tv_nsec < 0 || timeout.tv_nsec >= 1'000'000'000) return false;
  return queue.personality != Personality::xnu || timeout.tv_sec <= xnu_seconds_max;
}

int fail(int error) noexcept {
  errno = error;
  return -1;
}

/// The part of kevent() that may sleep. `lock` holds the mutex of the emulator and is released
/// meanwhile.
int collect(int kq, std::span<Event> out, const timespec* timeout,
            std::unique_lock<std::mutex>& lock) {
  using std::chrono::nanoseconds;
  const auto start = Clock::now();
  const auto whole = timeout == nullptr
                         ? nanoseconds::max()
                         : std::chrono::seconds{timeout->tv_sec} + nanoseconds{timeout->tv_nsec};
  for (bool lies = true;; lies = false) {
    Queue* const queue = find(kq);
    if (queue == nullptr) return fail(EBADF);
    Gathered gathered = gather(*queue, lies);
    if (!gathered.ready.empty()) return hand_out(*queue, gathered.ready, out);
    auto left = whole - (Clock::now() - start);
    if (left <= nanoseconds::zero()) return 0;
    if (queue->mischief(32)) return queue->mischief(2) ? 0 : fail(EINTR);
    if (gathered.in_slices) left = std::min<nanoseconds>(left, slice);

    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    const timespec sleep{seconds.count(), (left - seconds).count()};
    lock.unlock();
    const int woken = ppoll(gathered.sleepers.data(), gathered.sleepers.size(), &sleep, nullptr);
    lock.lock();
    if (woken < 0) return -1;
  }
}

}  // namespace

void emulate(Personality personality, std::uint64_t seed) noexcept {
  const std::scoped_lock lock{world().mutex};
  world().personality = personality;
  world().seed = seed;
}

std::size_t registered_filters() noexcept {
  const std::scoped_lock lock{world().mutex};
  std::size_t count = 0;
  for (const auto& [kq, queue] : world().queues)
    if (identity_of(kq) == queue.identity) count += queue.notes.size();
  return count;
}

void fail_next_add(short filter, int error) noexcept {
  const std::scoped_lock lock{world().mutex};
  world().add_error = {filter, error};
}

void fail_next_kqueue(int error) noexcept {
  const std::scoped_lock lock{world().mutex};
  world().kqueue_error = error;
}

}  // namespace rondo::test

using namespace rondo::test;

extern "C" int kqueue() {
  const std::scoped_lock lock{world().mutex};
  if (world().kqueue_error != 0) return fail(std::exchange(world().kqueue_error, 0));
  const int kq = socket(AF_UNIX, SOCK_DGRAM, 0);  // not close-on-exec, like the real one
  if (kq < 0) return -1;
  world().queues.erase(kq);  // left over from a closed queue that had the same number
  Queue& queue = world().queues[kq];
  queue.personality = world().personality;
  queue.dice.seed(world().seed++);  // a reinitialised backend gets other random numbers
  queue.identity = identity_of(kq).value_or(Identity{});
  return kq;
}

extern "C" int kevent(int kq, const struct kevent* changelist, int nchanges,
                      struct kevent* eventlist, int nevents, const struct timespec* timeout) {
  std::unique_lock lock{world().mutex};
  Queue* const queue = find(kq);
  if (queue == nullptr) return fail(EBADF);
  if (timeout != nullptr && !is_valid(*queue, *timeout)) return fail(EINVAL);
  const std::span out{eventlist, static_cast<std::size_t>(nevents)};
  const int placed = apply_all(kq, *queue, {changelist, static_cast<std::size_t>(nchanges)}, out);
  if (placed != 0 || nevents == 0) return placed;
  return collect(kq, out, timeout, lock);
}
