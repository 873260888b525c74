// SPDX-License-Identifier: MIT
// The segments between the two ends of a TCP connection.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "machine.h"
#include "tcp.h"
#include "world.h"

namespace rondo::sim {
namespace {

constexpr std::size_t segment_size_max = std::size_t{16} << 10U;
constexpr std::size_t tcp_header_size = 40;
constexpr Duration tail_delay = std::chrono::milliseconds{40};
constexpr Duration slow_handshake = std::chrono::seconds{3};

std::string_view name_of(const Packet& packet) noexcept {
  switch (packet.segment.kind) {
    case Segment::Kind::syn:
      return "tcp got SYN";
    case Segment::Kind::syn_ack:
      return "tcp got SYN-ACK";
    case Segment::Kind::reset:
      return "tcp got RST";
    case Segment::Kind::ack:
      break;
  }
  if (packet.segment.end) return "tcp got FIN";
  return packet.data.empty() ? "tcp got ACK" : "tcp got data";
}

Machine* machine_of(Machine& from, const Address& to) noexcept {
  return from.owns(to) ? &from : from.world().machine_at(to);
}

}  // namespace

// --- sending ------------------------------------------------------------------------------------

void Tcp::transmit(Segment segment, std::size_t size) {
  segment.acked = received_;
  segment.limit = told_limit_ = input_limit();
  Machine* const to = machine_of(machine_, route_.remote);
  if (to == nullptr) return unsent_.drop(size);
  std::unique_ptr<Packet> packet = machine_.world().make_packet();
  packet->to = to;
  packet->route = {route_.remote, route_.local};
  packet->sender = slot_;
  packet->receiver = other_slot_;
  packet->segment = segment;
  unsent_.take(size, packet->data);
  machine_.world().send_packet(machine_, tcp_header_size + size, std::move(packet));
}

/// Sends a reset for a route without a connection.
void Tcp::refuse(Machine& machine, const Route& route) {
  Machine* const to = machine_of(machine, route.remote);
  if (to == nullptr) return;
  std::unique_ptr<Packet> packet = machine.world().make_packet();
  packet->to = to;
  packet->route = {route.remote, route.local};
  packet->sender = packet->receiver = no_slot;
  packet->segment = {.kind = Segment::Kind::reset};
  machine.world().send_packet(machine, tcp_header_size, std::move(packet));
}

void Tcp::send_what_fits(Tail tail) {
  WorldImpl& world = machine_.world();
  while (!unsent_.empty() && sent_ < limit_) {
    std::size_t size = std::min<std::uint64_t>(segment_size_max, limit_ - sent_);
    size = std::min(size, unsent_.size());
    const bool may_wait = tail == Tail::may_wait && !end_due_ && size == unsent_.size();
    if (may_wait && holds_tail_back()) break;
    if (size > 1 && world.strikes(Fault::split_packet)) size = 1 + world.random.below(size - 1);
    Segment segment;
    machine_.unbuffer(size);
    sent_ += size;
    if (unsent_.size() == size && end_due_ && tail_ != EventQueue::Ticket::none) {
      world.events.cancel(tail_);
      segment.end = end_sent_ = true;
      ++sent_;
    }
    transmit(segment, size);
  }
  if (end_due_ && !end_sent_ && unsent_.empty()) {
    end_sent_ = true;
    ++sent_;
    transmit({.end = true});
  }
  if (in_flight() != 0) await_answer();
}

/// Like Nagle's algorithm, but for a fixed time: the end may be sent with the bytes.
bool Tcp::holds_tail_back() {
  if (tail_ != EventQueue::Ticket::none) return true;
  WorldImpl& world = machine_.world();
  if (!world.strikes(Fault::end_with_data)) return false;
  tail_ = world.events.at(after(world.now, tail_delay), [this] {
    tail_ = EventQueue::Ticket::none;
    send_what_fits(Tail::leaves);
  });
  return true;
}

/// Sends a SYN, and repeats it without an answer: after one second, two more seconds, four ...
void Tcp::send_syn() {
  constexpr std::uint8_t syns_max = 7;
  WorldImpl& world = machine_.world();
  if (syns_sent_ == syns_max) return become_over(ETIMEDOUT);
  const Duration wait = std::chrono::seconds{1 << syns_sent_};
  const bool is_slow = syns_sent_ == 0 && world.strikes(Fault::slow_handshake);
  if (syns_sent_ == 0 && world.strikes(Fault::unanswered)) {
    syns_sent_ = syns_max;
    alarm_ = world.events.at(after(world.now, patience()), [this] { send_syn(); });
    return;
  }
  ++syns_sent_;
  alarm_ =
      world.events.at(after(world.now, is_slow ? slow_handshake : wait), [this] { send_syn(); });
  if (!is_slow) transmit({.kind = Segment::Kind::syn});
}

// --- arriving -----------------------------------------------------------------------------------

void Tcp::arrive(Packet& packet) {
  Machine& machine = *packet.to;
  const Route& route = packet.route;
  const Segment& segment = packet.segment;
  machine.note(name_of(packet), {packet.data.size(), segment.acked, segment.limit}, &route);
  if (const Ref<Tcp> known{machine.connections.find(route, packet.receiver)}) {
    if (packet.sender != no_slot) known->other_slot_ = packet.sender;
    return known->take(packet);
  }
  if (segment.kind == Segment::Kind::reset) return;
  if (segment.kind != Segment::Kind::syn) return refuse(machine, route);
  Tcp* const listener = listener_for(machine, route.local);
  if (listener == nullptr || machine.world().strikes(Fault::refused)) {
    return refuse(machine, route);
  }
  listener->take_syn(packet);
}

/// Several listeners can have one port with SO_REUSEPORT: the seed draws one.
Tcp* Tcp::listener_for(Machine& machine, const Address& to) {
  const std::vector<Binding>* const bindings = machine.tcp_ports.at(to.port);
  if (bindings == nullptr) return nullptr;
  std::vector<Tcp*> listeners;
  bool is_exact = false;
  for (const Binding& binding : *bindings) {
    if (!binding.object->listens() || !binding.covers(to)) continue;
    const bool exact = binding.local.ip == to.ip;
    if (exact && !is_exact) listeners.clear();
    if (is_exact && !exact) continue;
    is_exact = exact;
    listeners.push_back(static_cast<Tcp*>(binding.object));
  }
  if (listeners.size() < 2) return listeners.empty() ? nullptr : listeners.front();
  return listeners[machine.world().random.below(listeners.size())];
}

/// If the queue is full there is no answer: the client sends another SYN later.
void Tcp::take_syn(const Packet& syn) {
  if (listening_->queue.size() + listening_->handshaking > listening_->backlog) return;
  const Ref<Tcp> client{new Tcp{machine_, family}};
  client->options.inherit(options, machine_.owns(syn.route.remote) ? 1 : 2);
  client->state_ = State::handshaking;
  client->progress_ = Progress::connected;
  client->route_ = syn.route;
  client->limit_ = syn.segment.limit;
  client->listener_ = Ref<Tcp>{this};
  client->other_slot_ = syn.sender;
  client->enter();
  ++listening_->handshaking;
  client->transmit({.kind = Segment::Kind::syn_ack});
}

void Tcp::take(Packet& packet) {
  const Segment& segment = packet.segment;
  heard_at_ = machine_.world().now;
  is_in_doubt_ = false;
  switch (segment.kind) {
    case Segment::Kind::reset:
      return take_reset();
    case Segment::Kind::syn:  // repeated; or both sides connect, or a socket to itself
    case Segment::Kind::syn_ack:
      if (state_ != State::connecting) return;
      limit_ = segment.limit;
      established();
      if (segment.kind == Segment::Kind::syn_ack) return answer();
      transmit({.kind = Segment::Kind::syn_ack});
      end_due_ = output_shut_;  // in tcp_rcv_state_process, only if both sides connect
      return send_what_fits();
    case Segment::Kind::ack:
      break;
  }
  if (state_ == State::connecting) return;
  if (state_ == State::handshaking && !handshake_ended()) return;
  acked_ = std::max(acked_, std::min(segment.acked, sent_));
  limit_ = std::max(limit_, segment.limit);
  if (!packet.data.empty() || segment.end) take_data(packet);
  if (segment.is_probe) answer();
  if (state_ != State::connected) return;
  send_what_fits();
  if (would_probe() && is_alone()) doubt();
  changed();
  end_if_finished();
}

/// The third packet of the handshake; returns false if the listener is gone.
bool Tcp::handshake_ended() {
  const Ref<Tcp> listener = std::exchange(listener_, {});
  if (!listener->listens()) {
    break_off();
    return false;
  }
  --listener->listening_->handshaking;
  listener->listening_->queue.emplace_back(this);
  established();
  listener->changed();
  return true;
}

void Tcp::established() {
  machine_.world().events.cancel(alarm_);
  state_ = State::connected;
  machine_.note("tcp is connected", {}, &route_);
  changed();
}

void Tcp::take_data(Packet& packet) {
  // The data will never be read.
  const bool is_unwanted = is_closed_ || (input_shut_ && end_due_ && !end_received_);
  if (is_unwanted && !packet.data.empty()) return break_off();
  received_ += packet.data.size();
  machine_.buffer(packet.data.size());
  input_.append(packet.data);
  if (packet.segment.end) {
    if (machine_.world().strikes(Fault::reset_for_end)) {
      refuse(machine_, route_);
      return take_reset();
    }
    ++received_;
    end_received_ = true;
  }
  answer();
}

void Tcp::take_reset() noexcept {
  if (state_ == State::connecting) return become_over(ECONNREFUSED);
  if (const Ref<Tcp> listener = std::exchange(listener_, {})) {
    if (listener->listens()) --listener->listening_->handshaking;
  }
  // While its own FIN is in flight, the state is not CLOSE_WAIT.
  become_over(end_received_ && !end_due_ ? EPIPE : ECONNRESET);
}

}  // namespace rondo::sim
