// SPDX-License-Identifier: MIT
// The socket calls on a TCP socket.
#include "tcp.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "machine.h"
#include "world.h"

namespace rondo::sim {
namespace {

constexpr int backlog_max = 4096;  // net.core.somaxconn
// A socket is writable when a third of its buffer is free, as in sk_stream_is_writeable.
constexpr std::size_t writable_parts = 3;

}  // namespace

Tcp::Tcp(Machine& machine, AddressFamily of_family) noexcept
    : Object(machine, of_family, SocketType::stream) {}

Tcp::~Tcp() {
  machine_.world().events.cancel(alarm_);
  machine_.world().events.cancel(tail_);
  machine_.unbuffer(input_.size() + unsent_.size());
}

Ready Tcp::ready() const noexcept {
  switch (state_) {
    case State::listening:
      return listening_->queue.empty() ? Ready::none : Ready::read;
    case State::connecting:
    case State::handshaking:
      return Ready::none;
    case State::fresh:
    case State::over:
      return detail::ready_for_all;  // OUT and HUP
    case State::connected:
      break;
  }
  const bool input_over = end_received_ || input_shut_;
  if (input_over && output_shut_) return detail::ready_for_all;  // HUP
  Ready ready = Ready::none;
  if (input_over) ready |= Ready::peer_closed;
  if (input_over || !input_.empty()) ready |= Ready::read;
  const std::size_t room = options.send_room();
  if (output_shut_ || unfinished() <= room - room / writable_parts) ready |= Ready::write;
  return ready;
}

std::string Tcp::describe() const {
  if (listens()) return "tcp " + route_.local.to_string() + ", listening";
  std::string text = "tcp " + route_.local.to_string() + " -> " + route_.remote.to_string();
  if (state_ == State::connecting) text += ", connecting";
  if (state_ == State::connected && other_end() == nullptr) text += ", the other end is gone";
  return text;
}

const Object* Tcp::other_end() const noexcept {
  if (!is_routed()) return nullptr;
  const WorldImpl& world = machine_.world();
  const Machine* const there =
      machine_.owns(route_.remote) ? &machine_ : world.machine_at(route_.remote);
  if (there == nullptr) return nullptr;
  return there->connections.find({route_.remote, route_.local}, other_slot_);
}

int Tcp::bind(const Endpoint& local) {
  if (local.family() != family) return refusal_of(local);
  Address address = Address::of(local);
  const bool chooses_port = address.port != 0;
  const bool is_too_late = is_bound_ || (state_ != State::fresh && state_ != State::over);
  if (is_too_late && family == AddressFamily::ipv6) return -EINVAL;
  if (!address.is_any() && !machine_.owns(address)) return -EADDRNOTAVAIL;
  if (is_too_late) return -EINVAL;
  const int result = machine_.tcp_ports.bind(*this, address, machine_.world().random);
  if (result != 0) return result;
  route_.local = address;
  is_bound_ = true;
  keeps_port_ = chooses_port;
  keeps_address_ = !address.is_any();
  if (family == AddressFamily::ipv6 && !address.is_any() && !address.is_ipv4()) {
    options.turn_on(SocketOption::ipv6_only);
  }
  return 0;
}

int Tcp::listen(int backlog) {
  if (state_ != State::fresh && state_ != State::listening) return -EINVAL;
  if (!is_bound_) {
    Address address = keeps_address_ ? route_.local : any_address(family);
    address.port = 0;
    const int result = bind(address.endpoint(family));
    if (result != 0) return result;
  }
  if (!listens() && machine_.tcp_ports.is_listened_on(*this, route_.local.port)) return -EADDRINUSE;
  if (!listening_) listening_ = std::make_unique<Listening>();
  listening_->backlog = static_cast<std::size_t>(std::clamp(backlog, 0, backlog_max));
  state_ = State::listening;
  machine_.note("tcp listens", {route_.local.port});
  changed();
  return 0;
}

int Tcp::accept(Ref<Object>& accepted, Endpoint* peer) {
  if (!listens()) return -EINVAL;
  if (listening_->queue.empty()) return -EAGAIN;
  const Ref<Tcp> client = std::move(listening_->queue.front());
  listening_->queue.pop_front();
  if (machine_.world().strikes(Fault::accept_aborted)) {
    client->break_off();
    return -ECONNABORTED;
  }
  if (peer != nullptr) *peer = client->route_.remote.endpoint(family);
  accepted = client;
  return 0;
}

int Tcp::connect(const Endpoint& peer) {
  if (progress_ == Progress::disconnecting) return -EINVAL;
  if (progress_ == Progress::connected) return -EISCONN;
  if (progress_ == Progress::connecting) return outcome_of_connect();
  if (state_ != State::fresh) return -EISCONN;
  if (peer.family() != family) return refusal_of(peer);
  WorldImpl& world = machine_.world();
  if (world.strikes(Fault::unreachable)) return -EHOSTUNREACH;
  if (const int result = choose_route(Address::of(peer)); result != 0) return result;
  enter();
  state_ = State::connecting;
  progress_ = Progress::connecting;
  error_ = 0;
  end_received_ = end_due_ = end_sent_ = false;
  sent_ = acked_ = received_ = read_ = 0;
  syns_sent_ = 0;
  machine_.note("tcp connects", {}, &route_);
  send_syn();
  changed();
  return -EINPROGRESS;
}

/// The result of a second connect(), as in inet_stream_connect.
int Tcp::outcome_of_connect() {
  if (state_ == State::connecting) return -EALREADY;
  if (state_ == State::connected) {
    progress_ = Progress::connected;
    return 0;
  }
  const int error = error_ != 0 ? -error_ : -ECONNABORTED;
  disconnect();
  return error;
}

/// Resets the socket to the state before connect(); it keeps the port that it was bound to.
void Tcp::disconnect() {
  if (state_ == State::listening) {
    close_listener();
    if (!keeps_port_) unbind();
  }
  become_over(0);
  state_ = State::fresh;
  progress_ = Progress::none;
  machine_.unbuffer(input_.size());
  input_.clear();
  input_shut_ = output_shut_ = end_received_ = end_due_ = end_sent_ = false;
  route_.remote = {};
  // The socket still reports its local port, even if the port is free again.
  if (!keeps_address_) route_.local.ip = any_address(family).ip;
  changed();
}

/// Chooses the local address so that no other connection has the same route.
int Tcp::choose_route(const Address& peer) {
  Route route{route_.local, peer};
  if (peer.is_any()) route.remote.ip = loopback_address(peer.family()).ip;
  if (!is_bound_ || route.local.is_any()) {
    const auto source = machine_.source_for(route.remote);
    if (!source) return -ENETUNREACH;
    route.local.ip = source->ip;
  }
  if (is_bound_) {
    if (machine_.connections.find(route) != nullptr) return -EADDRNOTAVAIL;
  } else {
    std::uint32_t tries = 0;
    do {
      if (++tries > Ports::ephemeral_count) return -EADDRNOTAVAIL;
      route.local.port = machine_.tcp_ports.draw(machine_.world().random);
    } while (machine_.tcp_ports.at(route.local.port) != nullptr ||
             machine_.connections.find(route) != nullptr);
  }
  route_ = route;
  return 0;
}

int Tcp::receive(Message& message, Rights&) {
  if (listens()) return -ENOTCONN;
  if (state_ == State::fresh && !input_shut_) return -ENOTCONN;
  if (state_ == State::connecting || state_ == State::handshaking) return -EAGAIN;
  if (state_ == State::connected && machine_.world().strikes(Fault::broken)) {
    break_off();
    error_ = 0;
    return -ECONNRESET;
  }
  for (const MutableBytes part : message.parts) message.size += input_.take(part);
  machine_.unbuffer(message.size);
  read_ += message.size;
  if (message.size != 0) {
    // Notify the sender if there is room for a packet, or if there was no room at all before.
    const bool is_worth_it = input_limit() - told_limit_ >= options.receive_room() / 4;
    if (state_ == State::connected && is_worth_it) answer();
    changed();
    return 0;
  }
  if (end_received_ || size_of(message) == 0) return 0;
  if (error_ != 0) return -std::exchange(error_, 0);
  return state_ == State::over || input_shut_ ? 0 : -EAGAIN;
}

int Tcp::send(Message& message, Rights) {
  if (state_ == State::connecting || state_ == State::handshaking) return -EAGAIN;
  if (state_ != State::connected || output_shut_) {
    return error_ != 0 ? -std::exchange(error_, 0) : -EPIPE;
  }
  if (machine_.world().strikes(Fault::broken_pipe)) {
    break_off();
    error_ = 0;
    return -EPIPE;
  }
  const std::size_t room = options.send_room();
  std::size_t left = room - std::min(room, unfinished());
  if (left == 0) return size_of(message) == 0 ? 0 : -EAGAIN;
  if (!machine_.has_memory(std::min(left, size_of(message)))) return -ENOBUFS;
  for (const Bytes part : message.parts) {
    const Bytes taken = part.first(std::min(part.size(), left));
    unsent_.append(taken);
    left -= taken.size();
    message.size += taken.size();
  }
  machine_.buffer(message.size);
  send_what_fits();
  changed();
  return 0;
}

int Tcp::shutdown(Direction direction) {
  if (progress_ == Progress::connecting) {
    progress_ = state_ == State::connected ? Progress::connected : Progress::disconnecting;
  }
  if (state_ == State::connecting || (listens() && direction != Direction::write)) {
    disconnect();
    return 0;
  }
  if (listens()) return 0;
  if (direction != Direction::write) input_shut_ = true;
  if (direction != Direction::read) output_shut_ = true;
  if (state_ == State::connected) {
    end_due_ = output_shut_;
    send_what_fits();
  }
  changed();
  return state_ == State::connected ? 0 : -ENOTCONN;
}

int Tcp::local(Endpoint& address) const {
  address = route_.local.endpoint(family);
  return 0;
}

int Tcp::peer(Endpoint& address) const {
  if (state_ != State::connected) return -ENOTCONN;
  address = route_.remote.endpoint(family);
  return 0;
}

}  // namespace rondo::sim
