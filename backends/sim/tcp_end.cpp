// SPDX-License-Identifier: MIT
// The ends of TCP connections: in order, by a reset, by a timeout.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "machine.h"
#include "tcp.h"
#include "world.h"

namespace rondo::sim {
namespace {

constexpr Duration answer_time_max = std::chrono::seconds{924};   // net.ipv4.tcp_retries2: 15
constexpr Duration connect_time_max = std::chrono::seconds{127};  // net.ipv4.tcp_syn_retries: 6
constexpr Duration closed_time_max = std::chrono::seconds{60};    // net.ipv4.tcp_fin_timeout

}  // namespace

void Tcp::closed() {
  is_closed_ = true;
  const Ref<Tcp> alive{this};
  switch (state_) {
    case State::listening:
      close_listener();
      break;
    case State::connecting:
    case State::handshaking:
      become_over(0);
      break;
    case State::connected:
      if (options.linger() == 0 || !input_.empty()) {
        break_off();
      } else {
        output_shut_ = end_due_ = true;
        send_what_fits();
        end_if_finished();
        if (state_ == State::connected) await_answer();
      }
      break;
    case State::fresh:
    case State::over:
      break;
  }
  unbind();
}

/// Resets the connections that were not accepted.
void Tcp::close_listener() {
  const std::unique_ptr<Listening> listening = std::move(listening_);
  state_ = State::over;
  if (!listening) return;
  for (const Ref<Tcp>& client : listening->queue) client->break_off();
}

/// Sends a reset to the peer.
void Tcp::break_off() {
  if (is_routed()) refuse(machine_, route_);
  listener_ = {};
  become_over(ECONNRESET);
}

void Tcp::become_over(int error) noexcept {
  const Ref<Tcp> alive{this};
  error_ = error;
  const bool was_over = std::exchange(state_, State::over) == State::over;
  output_shut_ = true;
  drop_unsent();
  leave();
  if (!keeps_port_ && !was_over) unbind();
  machine_.world().events.cancel(alarm_);
  machine_.world().events.cancel(tail_);
  changed();
}

void Tcp::drop_unsent() noexcept {
  machine_.unbuffer(unsent_.size());
  unsent_.clear();
}

void Tcp::end_if_finished() noexcept {
  if (!end_sent_ || !end_received_ || in_flight() != 0) return;
  become_over(0);
}

/// From now on packets are delivered to it.
void Tcp::enter() {
  slot_ = machine_.connections.add(*this);
  machine_.tcp_ports.use(route_.local.port);
}

/// From now on no packet is delivered to it.
void Tcp::leave() noexcept {
  if (!is_routed()) return;
  machine_.tcp_ports.release(route_.local.port);
  machine_.connections.remove(std::exchange(slot_, no_slot));
  other_slot_ = no_slot;
}

void Tcp::unbind() noexcept {
  if (std::exchange(is_bound_, false)) machine_.tcp_ports.unbind(*this, route_.local.port);
}

void Tcp::vanish() noexcept {
  state_ = State::over;
  slot_ = no_slot;
  is_bound_ = false;
  listening_.reset();
  listener_ = {};
  drop_unsent();
  machine_.world().events.cancel(alarm_);
  machine_.world().events.cancel(tail_);
}

Duration Tcp::patience() const {
  if (const int limit = options.number(SocketOption::user_timeout); limit != 0) {
    return std::chrono::milliseconds{limit};
  }
  if (state_ == State::connecting) return connect_time_max;
  return is_closed_ && in_flight() == 0 ? closed_time_max : answer_time_max;
}

void Tcp::await_answer() {
  if (alarm_ != EventQueue::Ticket::none) return;
  WorldImpl& world = machine_.world();
  if (in_flight() != 0) heard_at_ = world.now;
  alarm_ = world.events.at(after(world.now, patience()), [this] { no_answer(); });
}

/// Gives up, unless something was received meanwhile.
void Tcp::no_answer() {
  alarm_ = EventQueue::Ticket::none;
  WorldImpl& world = machine_.world();
  if (in_flight() == 0 && !is_closed_) return is_in_doubt_ ? give_up() : void();
  const TimePoint due = after(heard_at_, patience());
  if (due > world.now) {
    alarm_ = world.events.at(due, [this] { no_answer(); });
    return;
  }
  give_up();
}

void Tcp::give_up() {
  machine_.note("tcp gives up", {in_flight()}, &route_);
  become_over(ETIMEDOUT);
}

/// With bytes in flight it awaits an answer without a probe.
bool Tcp::would_probe() const noexcept {
  return in_flight() == 0 && (!unsent_.empty() || options.is_on(SocketOption::keep_alive));
}

/// Whether nothing can arrive from the other end at present.
bool Tcp::is_alone() const {
  const Object* const other = other_end();
  if (other == nullptr) return true;
  WorldImpl& world = machine_.world();
  return &other->machine() != &machine_ && (world.path(machine_, other->machine()).is_cut ||
                                            world.path(other->machine(), machine_).is_cut);
}

void Tcp::doubt() {
  if (state_ != State::connected || is_closed_ || is_in_doubt_ || !would_probe()) return;
  WorldImpl& world = machine_.world();
  TimePoint due = after(world.now, patience());
  if (unsent_.empty()) {
    const auto seconds = [this](SocketOption option) {
      return std::chrono::seconds{options.number(option)};
    };
    due =
        std::max(after(heard_at_, seconds(SocketOption::keep_alive_idle)), world.now) +
        seconds(SocketOption::keep_alive_interval) * options.number(SocketOption::keep_alive_count);
  }
  is_in_doubt_ = true;
  transmit({.is_probe = true});
  world.events.cancel(alarm_);
  alarm_ = world.events.at(due, [this] { no_answer(); });
}

}  // namespace rondo::sim
