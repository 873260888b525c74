// SPDX-License-Identifier: MIT
// Acceptor: a listening socket that is watched, and what to do when its queue cannot be emptied.
//
// Terms.  A batch is the accepts of one on_ready, at most accepts_per_turn_max; if more connections
// wait, the next turn reports them, after the other handlers. To shed is to accept a connection and
// close it at once. The reserve is a descriptor that is closed when none is left, so that shedding
// is possible; the acceptors of a reactor share one. A pause is the time in which the watch has no
// interest.
//
// Invariants.  The watch is interested in reading exactly while nothing stops it: the user
// (paused_by_user_), the back-off (timer_ is armed) or a lasting error (failed_). Each of the three
// begins and ends independently, so they combine in any order. The timer ends every pause, which
// lasts at least pause_floor: together with the turns in which the listener is ready, that is at
// most 200 wake-ups a second, whatever happens in between.
//
// When descriptors or memory run out, on_ready sheds a batch and pauses; each pause is twice the
// last, until a connection is accepted. A long row of failed connections pauses too, because the
// cause may be permanent (EPERM of a firewall). Linux takes a descriptor before it looks at the
// queue: EMFILE may be reported for an empty queue, and then there is no pause.
//
// The callbacks may destroy the Acceptor, or throw: a Call holds the Impl until they have returned
// (see callbacks.h).
#include <algorithm>
#include <optional>
#include <utility>

#include <rondo/acceptor.h>
#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "accept_reserve.h"
#include "adopted.h"
#include "apply_options.h"
#include "callbacks.h"
#include "loop/loop.h"
#include "socket_file.h"
#include "used.h"

namespace rondo {
namespace {

constexpr Duration pause_floor = std::chrono::milliseconds{10};
constexpr std::size_t failures_in_a_row_max = 64;
constexpr std::size_t single_max = 4;  // then one more is asked for

}  // namespace

class Acceptor::Impl final : public Handler, public detail::Retirable<Acceptor::Impl> {
 public:
  Impl(Reactor& reactor, Socket listener, const Endpoint& local, OnAccept on_accept,
       const AcceptLimits& limits)
      : reactor_(reactor),
        reserve_(reactor.loop_->per_reactor<detail::AcceptReserve>()),
        local_(local),
        batch_max_(std::max<std::size_t>(limits.accepts_per_turn_max, 1)),
        pause_min_(std::max(limits.pause_min, pause_floor)),
        pause_max_(std::max(limits.pause_max, pause_min_)),
        next_pause_(pause_min_),
        on_accept_(std::move(on_accept)),
        listener_(std::move(listener)),
        timer_(std::in_place, reactor, [this] { end_pause(); }) {}

  /// Checks that `call` comes from the reactor's thread, in builds with assertions.
  void check(const char* call) const noexcept { detail::check_thread(reactor_, call); }

  /// The options of the listener, which its accepted sockets get too, and those that failed.
  void set_options(const SocketOptions& options, std::vector<UnappliedOption> unapplied) {
    socket_options_ = options;
    unapplied_ = std::move(unapplied);
  }

  std::error_code start() noexcept {
    if (auto error = reserve_.add_user(reactor_.net())) return error;
    shares_reserve_ = true;
    auto watch = detail::watch(reactor_, listener_.fd(), Ready::read, *this);
    if (!watch) return watch.error();
    watch_ = std::move(*watch);
    return {};
  }

  void close() noexcept {
    watch_.cancel();
    timer_.reset();
    listener_.close();
    if (std::exchange(shares_reserve_, false)) reserve_.remove_user();
  }

  /// Where one client comes at a time, the call that finds no other one would cost as much as its
  /// own. So no more are taken than are likely to wait: the poller reports the rest again.
  void on_ready(Ready) override {
    const Call call{*this};
    std::size_t taken = 0;
    for (std::size_t attempts = 0; attempts < batch_max_ && taken < wanted_; ++attempts) {
      if (!accepting()) return;
      auto client = listener_.accept();
      if (client) {
        ++taken;
        ++counters_.accepted;
        next_pause_ = pause_min_;
        failures_in_a_row_ = 0;
        hand_over(*client);
      } else if (client.error() == std::errc::operation_would_block) {
        failures_in_a_row_ = 0;
        wanted_ = std::max<std::size_t>(taken, 1);
        single_ = 0;
        return;
      } else if (is_exhaustion(client.error())) {
        return shed();
      } else if (is_transient_accept_error(client.error())) {
        ++counters_.transient;
        if (++failures_in_a_row_ >= failures_in_a_row_max) return begin_pause();
      } else {
        return fail(client.error());
      }
    }
    if (wanted_ > 1 || ++single_ == single_max) wanted_ = std::min(wanted_ * 2, batch_max_);
  }

  void set_paused(bool paused) noexcept {
    paused_by_user_ = paused;
    if (!paused) failed_ = false;
    update();
  }

  void set_error_handler(ErrorHandler handler) noexcept { error_handler_ = std::move(handler); }
  [[nodiscard]] const Endpoint& local_endpoint() const noexcept { return local_; }
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::span<const UnappliedOption> unapplied() const noexcept { return unapplied_; }

 private:
  [[nodiscard]] bool accepting() const noexcept {
    return !is_retired() && !failed_ && !paused_by_user_ && !timer_->armed();
  }

  void hand_over(Socket::Accepted& client) {
    if (socket_options_) {
      // An option that could not be set on the listener has been reported by unapplied().
      (void)detail::apply(client.socket, client.peer, *socket_options_, detail::Purpose::accept);
    }
    on_accept_(std::move(client.socket), client.peer);
  }

  void update() noexcept { watch_.set(accepting() ? Ready::read : Ready::none); }

  /// Accepts and closes the waiting connections one by one, with the descriptor of the reserve.
  void shed() noexcept {
    reserve_.spend();
    std::size_t shed = 0;
    std::error_code error;
    for (std::size_t attempts = 0; attempts < batch_max_; ++attempts) {
      const auto client = listener_.accept();
      error = client ? std::error_code{} : client.error();
      if (client) {
        ++shed;
      } else if (is_transient_accept_error(error)) {
        ++counters_.transient;
      } else {
        break;
      }
    }
    counters_.shed += shed;
    // Another thread may have taken the descriptor: then there is no reserve until the pause ends.
    const bool reserved = !reserve_.open(reactor_.net());
    const bool was_empty = shed == 0 && error == std::errc::operation_would_block;
    if (!was_empty || !reserved) begin_pause();
  }

  void begin_pause() noexcept {
    ++counters_.pauses;
    timer_->arm_after(next_pause_);
    next_pause_ = next_pause_ > pause_max_ / 2 ? pause_max_ : next_pause_ * 2;
    update();
  }

  void end_pause() noexcept {
    // If that fails, accept fails too and begins the next pause.
    (void)reserve_.open(reactor_.net());
    update();
  }

  void fail(std::error_code error) {
    failed_ = true;
    update();
    if (!error_handler_) return;
    detail::Lent handler{error_handler_};
    handler(error);
  }

  Reactor& reactor_;
  detail::AcceptReserve& reserve_;
  bool shares_reserve_ = false;
  const Endpoint local_;
  const std::size_t batch_max_;
  std::size_t wanted_ = batch_max_;  // to be accepted in the next call
  std::size_t single_ = 0;           // calls in a row that took one
  const Duration pause_min_;
  const Duration pause_max_;
  Duration next_pause_;
  std::size_t failures_in_a_row_ = 0;
  Counters counters_;
  std::optional<SocketOptions> socket_options_;  // if it has made its listener
  std::vector<UnappliedOption> unapplied_;
  bool paused_by_user_ = false;
  bool failed_ = false;
  OnAccept on_accept_;
  ErrorHandler error_handler_;
  Socket listener_;
  std::optional<Timer> timer_;
  Watch watch_;
};

Result<Acceptor> Acceptor::make(Reactor& reactor, const Endpoint& local, OnAccept on_accept,
                                const AcceptorOptions& options) {
  detail::check_thread(reactor, "Acceptor::make");
  std::vector<UnappliedOption> unapplied;
  detail::SocketFile file{reactor.net(), local};  // removes the file if the rest fails
  auto listener = detail::listen_in_place(reactor.net(), local, options.socket, unapplied);
  if (!listener) return std::move(listener).error();
  file.own();
  const auto bound = listener->local_endpoint();
  if (!bound) return Error{bound.error(), "listen on " + local.to_string()};
  auto acceptor =
      start(reactor, std::move(*listener), *bound, std::move(on_accept), options.accept_limits);
  if (!acceptor) return acceptor;
  acceptor->impl_->set_options(options.socket, std::move(unapplied));
  file.leave();
  return acceptor;
}

Result<Acceptor> Acceptor::adopt(Reactor& reactor, Socket listener, OnAccept on_accept,
                                 const AcceptLimits& limits) {
  detail::check_thread(reactor, "Acceptor::adopt");
  auto local = detail::prepare_adopted(listener, detail::AdoptedAs::listener, "accept on");
  if (!local) return std::move(local).error();
  return start(reactor, std::move(listener), *local, std::move(on_accept), limits);
}

Result<Acceptor> Acceptor::start(Reactor& reactor, Socket listener, const Endpoint& local,
                                 OnAccept on_accept, const AcceptLimits& limits) {
  RONDO_REQUIRE(on_accept, "an Acceptor was made without a function to call.");
  std::unique_ptr<Impl, Retire> impl{
      new Impl{reactor, std::move(listener), local, std::move(on_accept), limits}};
  if (auto error = impl->start()) return Error{error, "accept on " + local.to_string()};
  return Acceptor{std::move(impl)};
}

Acceptor::Acceptor(std::unique_ptr<Impl, Retire> impl) noexcept : impl_(std::move(impl)) {}

Acceptor::Acceptor(Acceptor&& other) noexcept = default;
Acceptor& Acceptor::operator=(Acceptor&& other) noexcept = default;
Acceptor::~Acceptor() = default;

void Acceptor::Retire::operator()(Impl* impl) const noexcept {
  detail::used(impl, "the destructor of Acceptor").retire();
}

void Acceptor::set_error_handler(ErrorHandler handler) noexcept {
  detail::used(impl_.get(), "Acceptor::set_error_handler").set_error_handler(std::move(handler));
}

const Endpoint& Acceptor::local_endpoint() const noexcept {
  return detail::used(impl_.get(), "Acceptor::local_endpoint").local_endpoint();
}

const Acceptor::Counters& Acceptor::counters() const noexcept {
  return detail::used(impl_.get(), "Acceptor::counters").counters();
}

std::span<const UnappliedOption> Acceptor::unapplied() const noexcept {
  return detail::used(impl_.get(), "Acceptor::unapplied").unapplied();
}

void Acceptor::pause() noexcept { detail::used(impl_.get(), "Acceptor::pause").set_paused(true); }

void Acceptor::resume() noexcept {
  detail::used(impl_.get(), "Acceptor::resume").set_paused(false);
}

}  // namespace rondo
