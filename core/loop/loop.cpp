// The model. One turn:
//
//   1  run the work that was posted and deferred before it
//   2  tell the backend which interests have changed
//   3  wait: until the next timer, or not at all when there is work. The backend calls ready() for
//      each event, which checks the token against its slot right before it calls the handler
//   4  run the signals that have arrived and the timers that are due
//   5  settle the streams: what was written outside of a stream's own callback leaves, and who has
//      ended is told. Also before 3, for the work of 1
//
// The clock is read when somebody first asks in a turn. What a handler throws passes through the
// backend, which lets go of the rest of its batch: it is level-triggered, so the next wait tells it
// again.
//
// After a fork the child notices, before it touches the backend, that it is a child, and renews it:
// a new kernel object, to which every watch is added again. The same cures a poller that goes on
// reporting a registration that has ended: somebody closed the descriptor before its Watch while a
// duplicate of it lives, and the kernel does not let anybody remove it any more.
#include "loop.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "fork_count.h"

namespace rondo::detail {
namespace {

// A change of interest that the backend refused, for want of memory, is tried again after this.
constexpr Duration refused_retry_delay = std::chrono::milliseconds{10};

}  // namespace

Loop::Loop(std::unique_ptr<Backend> backend, HostedBackend* hosted, const ReactorOptions& options)
    : backend_(std::move(backend)),
      hosted_(hosted),
      watches_(*backend_),
      signals_(*backend_),
      posted_(std::make_unique<PostedWork>(fork_count())),
      posts_max_(options.posts_max),
      posts_per_turn_max_(std::max<std::size_t>(options.posts_per_turn_max, 1)),
      forks_((count_forks(), fork_count())) {
  if (hosted_ != nullptr) hosted_->attach(*this);
}

Loop::~Loop() {
  RONDO_ASSERT(runner_.load() == std::thread::id{});
  RONDO_ASSERT(!in_turn_);
  (void)reinit_if_forked();  // an error leaves no registration to be ended, in either process
  RONDO_ASSERT(deferred_.empty() && posted_->empty() && work_guards_ == 0);
}

void Loop::discard_work() noexcept {
  discard_inherited_posts();
  while (!deferred_.empty() || !posted_->empty()) {
    deferred_.discard();
    posted_->discard();
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
  check_thread();
  if (const std::error_code refusal = may_run()) return refusal;
  const Run run{*this};
  while (alive() || stop_.load(std::memory_order_relaxed)) {
    if (const std::error_code error = turn_until(limit, Stop::is_heeded)) return error;
    if (stop_.load(std::memory_order_relaxed)) {
      stop_.store(false);  // only here: one that comes a moment later is the next run's
      break;
    }
    if (limit != never && clock() >= limit) break;
  }
  return {};
}

std::error_code Loop::run_once(Duration wait_max) {
  check_thread();
  if (const std::error_code refusal = may_run()) return refusal;
  const Run run{*this};
  // Work is something to do: no sleep after it.
  const bool sleeps = wait_max > Duration::zero() && !busy() && alive();
  const TimePoint limit = sleeps ? after(clock(), wait_max) : unknown;
  return turn_until(limit, Stop::is_left);
}

std::error_code Loop::turn_until(TimePoint limit, Stop stop) {
  now_ = unknown;
  timers_.begin_turn();
  if (forked()) [[unlikely]] {
    if (const std::error_code error = reinit_if_forked()) return error;
  }
  if (busy()) [[unlikely]] {
    if (const std::error_code error = work_until(limit)) return error;
  }
  // A stop() and a post() from here on wake the backend.
  if (stop == Stop::is_heeded && stop_.load(std::memory_order_relaxed)) limit = unknown;
  if (const std::error_code error = wait(limit)) return error;
  if (signals_.pending()) [[unlikely]]
    signals_.run_pending();
  run_timers();
  end_turn();
  return {};
}

/// The work before the wait, which is to sleep until `limit` if that leaves nothing to do.
std::error_code Loop::work_until(TimePoint& limit) {
  if (has_work()) run_work();
  end_turn();
  // It may have been the last thing to wait for.
  if (busy() || !alive()) limit = unknown;
  return reinit_if_forked();
}

inline std::error_code Loop::wait(TimePoint limit) {
  const TimePoint deadline = deadline_for_wait(limit);
  const std::int64_t unexplained_before = watches_.unexplained_events();
  now_ = unknown;
  if (const std::error_code error = backend_->wait(*this, deadline)) return error;
  watches_.hint_refused();
  // A registration that has ended is told at most once a direction after its end. More than that
  // is a descriptor that was closed too early and cannot be removed.
  if (watches_.unexplained_events() > unexplained_before) [[unlikely]] {
    // Where it cannot be cured now, for want of descriptors, it is told, and tried, again.
    if (!backend_->reinit()) watches_.forget_polled();
  }
  return {};
}

TimePoint Loop::deadline_for_wait(TimePoint limit) noexcept {
  const bool refused = !watches_.flush();
  if (signals_.pending()) return unknown;
  TimePoint deadline = std::min(limit, timers_.next());
  if (refused) deadline = std::min(deadline, after(clock(), refused_retry_delay));
  return deadline;
}

void Loop::run_work() {
  deferred_.gather();  // first: what posted work defers is for the next turn
  posted_->run(posts_per_turn_max_);
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
  end_of_turn_requested_ = true;  // the rooms after it have not had their turn
  throw;
}

void Loop::run_timers() {
  // The clock is read only where there is a timer, and most turns have none that is due.
  if (timers_.next() != never && timers_.next() <= now()) timers_.run_due(now());
}

bool Loop::alive() const noexcept {
  return watches_.referenced() + timers_.referenced() + work_guards_ > 0 || !deferred_.empty() ||
         !posted_->empty() || signals_.referenced() > 0 || rooms_pending();
}

void Loop::stop() noexcept {
  if (hosted_ != nullptr) return;  // it has no run that could end
  stop_.store(true);
  backend_->wake();
}

TimePoint Loop::read_clock() noexcept {
  const TimePoint time = clock();
  // Outside of a turn of its own the reactor does not know how old a time has become.
  if (hosted_ == nullptr && runner_.load(std::memory_order_relaxed) != std::thread::id{}) {
    now_ = time;
  }
  return time;
}

void Loop::defer(Work work) {
  check_thread();
  deferred_.push(std::move(work));
  request_turn();
}

void Loop::discard_inherited_posts() {
  if (posted_->forks() == fork_count()) return;
  // What was posted before the fork belongs to the parent, and another thread may have held the
  // lock then: the child begins with an empty queue and leaves the other where it is.
  auto empty = std::make_unique<PostedWork>(fork_count());
  (void)posted_.release();  // left where it is, as said
  posted_ = std::move(empty);
}

void Loop::post(Work work) {
  discard_inherited_posts();
  if (posted_->push(std::move(work))) backend_->wake();
}

bool Loop::try_post(Work& work) {
  discard_inherited_posts();
  bool must_wake = false;
  if (!posted_->try_push(work, posts_max_, must_wake)) return false;
  if (must_wake) backend_->wake();
  return true;
}

Result<Token> Loop::watch(int fd, Ready interest, Handler& handler) noexcept {
  check_thread();
  if (const std::error_code error = reinit_if_forked()) return error;
  request_turn();
  const Result<Token> token = watches_.add(fd, interest, handler);
  if (watches_.places() != 0) look_up_in(watches_.slots(), watches_.places());
  return token;
}

void Loop::set(Token token, Ready interest) noexcept {
  check_thread();
  watches_.set(token, interest);
  request_turn();
}

void Loop::set_handler(Token token, Handler& handler) noexcept {
  check_thread();
  watches_.set_handler(token, handler);
}

void Loop::unwatch(Token token) noexcept {
  check_thread();
  if (reinit_if_forked()) {
    watches_.abandon(token);  // what the backend knows is still the parent's
  } else {
    watches_.remove(token);
  }
  request_turn();
}

void Loop::set_referenced(Token token, bool referenced) noexcept {
  watches_.set_referenced(token, referenced);
  request_turn();
}

void Loop::add_work_guard() noexcept {
  ++work_guards_;
  request_turn();
}

void Loop::remove_work_guard() noexcept {
  --work_guards_;
  request_turn();
}

std::error_code Loop::reinit_if_forked() noexcept try {
  if (!forked()) return {};
  discard_inherited_posts();
  // Until it succeeds this child has no backend, and the next who needs one tries again.
  if (const std::error_code error = backend_->reinit()) return error;
  forks_ = fork_count();
  watches_.forget_polled();
  return {};
} catch (const std::bad_alloc&) {
  return std::make_error_code(std::errc::not_enough_memory);  // and the next who needs one tries
}

}  // namespace rondo::detail
