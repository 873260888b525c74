// SPDX-License-Identifier: MIT
// The model. One turn:
//
//   1  run the work that was posted and deferred before it
//   2  call the hooks that run before each wait; pass the changes of interest to the backend
//   3  wait until the next timer, or not at all if there is work. The backend calls ready(), which
//      checks the token of an event against its slot right before it calls the handler
//   4  run the callbacks of signals that have arrived and of timers that are due
//   5  end the turn of each room above (PerReactor): streams send what was written outside of their
//      own callbacks, and report their ends. This also runs before 3, for the work of 1
//
// The clock is read on its first use in a turn. A handler's exception passes through the backend,
// which drops the rest of its batch: it is level-triggered, so the next wait reports it again.
//
// After a fork the child notices that it is a child before it touches the backend, and
// reinitialises it: a new kernel object, to which every watch is added again. The same repairs a
// poller that keeps on reporting an ended registration: the descriptor was closed before its Watch
// while a duplicate of it exists, so the kernel cannot remove it any more.
//
// Threads of the child may post before that. The first of them replaces the queue, and their
// wake-ups are kept until the backend is the child's own: before, they would reach the parent.
#include "loop.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "fork_count.h"

namespace rondo::detail {
namespace {

// If the backend refuses a change of interest, for example without memory, it is tried again after
// this time.
constexpr Duration refused_retry_delay = std::chrono::milliseconds{10};

}  // namespace

Loop::Loop(std::unique_ptr<Backend> backend, HostedBackend* hosted, const ReactorOptions& options)
    : backend_(std::move(backend)),
      hosted_(hosted),
      watches_(*backend_),
      signals_(*backend_),
      posted_(new PostedWork{fork_count()}),
      posts_max_(options.posts_max),
      posts_per_turn_max_(std::max<std::size_t>(options.posts_per_turn_max, 1)),
      forks_((count_forks(), fork_count())) {
  if (hosted_ != nullptr) hosted_->attach(*this);
}

Loop::~Loop() {
  check_nothing_is_left();
  if (has_own_posts()) delete posted_.load();
}

void Loop::close() noexcept {
  discard_work();
  (void)reinit_if_forked();  // after an error neither process has a registration to remove
  RONDO_REQUIRE(
      runner_.load() == std::thread::id{} && !in_turn_,
      "a Reactor was destroyed while it runs. Call stop(), and destroy it after run() has "
      "returned.");
  for (std::unique_ptr<PerReactor>& room : rooms_) room.reset();
}

void Loop::check_nothing_is_left() const noexcept {
  RONDO_REQUIRE(
      watches_.empty(),
      "a Reactor was destroyed before what watches a descriptor with it: a Watch, Acceptor, "
      "Server, Connector, Resolver or DatagramSocket. Destroy it first: declare it after the "
      "reactor.");
  RONDO_REQUIRE(
      timers_.empty(),
      "a Reactor was destroyed before a Timer of it, or an object that has one: a Server, "
      "Acceptor, Resolver, Connector, Reconnector, Process or StopOnSignals. Destroy it first: "
      "declare it after the reactor.");
  RONDO_REQUIRE(
      signals_.empty(),
      "a Reactor was destroyed before a Signal of it. Destroy the Signal first: declare it "
      "after the reactor.");
  RONDO_REQUIRE(wait_hooks_.empty(),
                "a Reactor was destroyed before a BeforeWait of it. Destroy the BeforeWait first: "
                "declare it after the reactor.");
  RONDO_REQUIRE(work_guards_ == 0,
                "a Reactor was destroyed before a WorkGuard of it. Destroy the WorkGuard first: "
                "declare it after the reactor.");
}

void Loop::discard_work() noexcept {
  check_thread("the destructor of Reactor");
  const bool is_own = has_own_posts();  // otherwise it is the parent's, and leaked
  while (!deferred_.empty() || (is_own && !posted().empty())) {
    deferred_.discard();
    if (is_own) posted_.load()->discard();
  }
}

void Loop::unclaimed(Token token, Ready ready) { watches_.deliver(token, ready); }

void Loop::batch_ended() {
  now_ = unknown;
  run_timers();
  timers_.begin_turn();
}

class Loop::Run {
 public:
  explicit Run(Loop& loop) noexcept : loop_(loop) {
    loop_.runner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    loop_.now_ = unknown;
    loop_.runner_.store(std::thread::id{}, std::memory_order_relaxed);
  }

 private:
  Loop& loop_;
};

std::error_code Loop::may_run() const noexcept {
  if (hosted_ != nullptr) return std::make_error_code(std::errc::operation_not_supported);
  if (runner_.load(std::memory_order_relaxed) != std::thread::id{}) {
    return std::make_error_code(std::errc::device_or_resource_busy);
  }
  return {};
}

std::error_code Loop::run_until(TimePoint limit) {
  check_thread("Reactor::run");
  forget_thread_of_parent();
  if (const std::error_code refusal = may_run()) return refusal;
  const Run run{*this};
  while (alive() || stop_.load(std::memory_order_relaxed)) {
    if (const std::error_code error = turn_until(limit, Stop::is_heeded)) return error;
    if (stop_.load(std::memory_order_relaxed)) {
      stop_.store(false);  // only here: a later stop() is for the next run
      break;
    }
    if (limit != never && clock() >= limit) break;
  }
  return {};
}

std::error_code Loop::run_once(Duration wait_max) {
  check_thread("Reactor::run_once");
  forget_thread_of_parent();
  if (const std::error_code refusal = may_run()) return refusal;
  const Run run{*this};
  // Work is something to do, so the turn does not sleep after it.
  const bool sleeps = wait_max > Duration::zero() && !busy() && alive();
  const TimePoint limit = sleeps ? after(clock(), wait_max) : unknown;
  return turn_until(limit, Stop::is_left);
}

std::error_code Loop::turn_until(TimePoint limit, Stop stop) {
  now_ = unknown;
  if (forked()) [[unlikely]] {
    if (const std::error_code error = reinit_if_forked()) return error;
  }
  if (busy()) [[unlikely]] {
    if (const std::error_code error = work_until(limit)) return error;
  }
  if (!wait_hooks_.empty()) [[unlikely]] {
    if (const std::error_code error = call_hooks_until(limit)) return error;
  }
  // From here on stop() and post() wake the backend.
  if (stop == Stop::is_heeded && stop_.load(std::memory_order_relaxed)) limit = unknown;
  if (const std::error_code error = wait(limit)) return error;
  if (signals_.pending()) [[unlikely]]
    signals_.run_pending();
  run_timers();
  end_turn();
  return {};
}

/// Runs the work before the wait, and shortens `limit` if something is left to do.
std::error_code Loop::work_until(TimePoint& limit) {
  if (has_work()) run_work();
  end_turn();
  // The work may have ended the last thing to wait for.
  if (busy() || !alive()) limit = unknown;
  return reinit_if_forked();
}

/// The hooks run last before the wait. Like work, they may leave something to do, or nothing to
/// wait for.
std::error_code Loop::call_hooks_until(TimePoint& limit) {
  wait_hooks_.run();
  if (busy() || !alive()) limit = unknown;
  return reinit_if_forked();
}

inline std::error_code Loop::wait(TimePoint limit) {
  const TimePoint deadline = deadline_for_wait(limit);
  const std::int64_t unexplained_before = watches_.unexplained_events();
  now_ = unknown;
  if (const std::error_code error = backend_->wait(*this, deadline)) return error;
  watches_.hint_refused();
  // After its end a registration is reported at most once for each direction. If it is reported
  // more often, its descriptor was closed and another one refers to the same open file, so that the
  // poller cannot remove it.
  if (watches_.unexplained_events() > unexplained_before) [[unlikely]] {
    watches_.distrust_close();
    // If this fails now, for example without free descriptors, the next event tries again.
    if (!backend_->reinit()) watches_.forget_polled();
  }
  return {};
}

TimePoint Loop::deadline_for_wait(TimePoint limit) noexcept {
  timers_.begin_turn();  // those that the wait takes into account run after it
  const bool refused = !watches_.flush();
  if (signals_.pending()) return unknown;
  TimePoint deadline = std::min(limit, timers_.next());
  if (refused) deadline = std::min(deadline, after(clock(), refused_retry_delay));
  return deadline;
}

TimePoint Loop::before_sleep() noexcept {
  if (reinit_if_forked()) return unknown;  // the next turn reports the error
  signals_.keep_handlers();
  if (hosted_ != nullptr && (busy() || signals_.pending())) request_host_turn();
  return deadline_for_wait(busy() || !alive() ? unknown : never);
}

/// The caller is about to sleep in place of the reactor.
void Loop::call_hooks_before_sleep() noexcept try {
  if (runner_.load(std::memory_order_relaxed) == std::thread::id{}) wait_hooks_.run();
} catch (...) {
  deferred_.push([exception = std::current_exception()] { std::rethrow_exception(exception); });
}

TimePoint Loop::next_deadline() noexcept {
  if (hosted_ != nullptr || reinit_if_forked()) return unknown;
  call_hooks_before_sleep();
  if (busy()) return unknown;
  // First: this passes changes of interest to the backend, which may have to poll for them.
  const TimePoint deadline = deadline_for_wait(never);
  return std::min(deadline, backend_->sleeps_until());
}

void Loop::run_work() {
  deferred_.gather();  // first: work that posted work defers is for the next turn
  posted_.load(std::memory_order_relaxed)->run(posts_per_turn_max_);
  deferred_.run();
}

bool Loop::rooms_pending() const noexcept {
  return end_of_turn_requested_ && std::any_of(rooms_.begin(), rooms_.end(), [](const auto& room) {
           return room != nullptr && room->pending();
         });
}

void Loop::end_turn() try {
  if (!end_of_turn_requested_) [[likely]]
    return;
  end_of_turn_requested_ = false;
  for (const auto& room : rooms_)
    if (room != nullptr && room->pending()) room->end_turn();
} catch (...) {
  end_of_turn_requested_ = true;  // the rooms after the one that threw are still pending
  throw;
}

void Loop::run_timers() {
  // Read the clock only if there is a timer. In most turns none is due.
  if (timers_.next() != never && timers_.next() <= now()) timers_.run_due(now());
}

bool Loop::alive() const noexcept {
  return watches_.referenced() + timers_.referenced() + work_guards_ > 0 || !deferred_.empty() ||
         !posted().empty() || signals_.referenced() > 0 || rooms_pending();
}

void Loop::stop() noexcept {
  if (hosted_ != nullptr) return;  // a hosted loop has no run that could end
  stop_.store(true);
  wake();
}

/// Until a forked child has a backend of its own, its wake-ups are kept. If reinit_if_forked() runs
/// in another thread at the same time, one of the two sees what the other has stored.
void Loop::wake() noexcept {
  if (!forked()) return backend_->wake();
  woken_before_reinit_.store(true);
  if (forks_.load() == fork_count()) backend_->wake();
}

TimePoint Loop::read_clock() noexcept {
  const TimePoint time = clock();
  // Outside of its own turn the reactor does not know the age of a stored time.
  if (hosted_ == nullptr && runner_.load(std::memory_order_relaxed) != std::thread::id{}) {
    now_ = time;
  }
  return time;
}

void Loop::defer(Work work) {
  check_thread("Reactor::defer");
  deferred_.push(std::move(work));
  request_turn();
}

/// Work that was posted before the fork belongs to the parent, and another thread may have held the
/// lock at that time. So the child starts with an empty queue and leaks the old one. Several
/// threads may be the first to post in the child: one of them replaces the queue for all.
PostedWork& Loop::own_posts() {
  PostedWork* queue = posted_.load(std::memory_order_acquire);
  if (queue->forks() == fork_count()) [[likely]]
    return *queue;
  auto empty = std::make_unique<PostedWork>(fork_count());
  if (posted_.compare_exchange_strong(queue, empty.get())) queue = empty.release();
  return *queue;
}

void Loop::post(Work work) {
  if (own_posts().push(std::move(work))) wake();
}

bool Loop::try_post(Work& work) {
  bool must_wake = false;
  if (!own_posts().try_push(work, posts_max_, must_wake)) return false;
  if (must_wake) wake();
  return true;
}

/// Its number changes with reinit(), so this must not be needed where none has forked.
int Loop::poll_fd() noexcept {
  if (hosted_ != nullptr) return -1;
  watches_.distrust_close();
  return backend_->poll_fd();
}

void Loop::add_work_guard() noexcept {
  check_thread("Reactor::work_guard");
  ++work_guards_;
  request_turn();
}

void Loop::remove_work_guard() noexcept {
  check_thread("the destructor of WorkGuard");
  --work_guards_;
  request_turn();
}

/// If another thread of the parent ran the reactor, that thread does not exist in the child.
void Loop::forget_thread_of_parent() noexcept {
  if (!forked() || runner_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return;
  runner_.store(std::thread::id{}, std::memory_order_relaxed);
  in_turn_ = false;
}

/// In a forked child.
std::error_code Loop::reinit() noexcept try {
  forget_thread_of_parent();
  (void)own_posts();  // so that the parent's work is not found here
  // Until this succeeds the child has no backend. The next call that needs one tries again.
  if (const std::error_code error = backend_->reinit()) return error;
  forks_.store(fork_count());
  signals_.reinitialised();
  if (woken_before_reinit_.exchange(false)) backend_->wake();
  watches_.forget_polled();
  for (const std::unique_ptr<PerReactor>& room : rooms_)
    if (room != nullptr) room->forked();
  return {};
} catch (const std::bad_alloc&) {
  return std::make_error_code(
      std::errc::not_enough_memory);  // the next call that needs the backend tries again
}

}  // namespace rondo::detail
