// SPDX-License-Identifier: MIT
#include "udp.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "machine.h"
#include "world.h"

namespace rondo::sim {
namespace {

constexpr std::size_t size_max = 65'507;  // 65,535 less the headers of IPv4 and UDP
constexpr std::size_t udp_header_size = 28;
constexpr std::size_t cost_of_datagram = 256;  // what the kernel counts in addition to the bytes

bool is_for_many(const Address& address) noexcept {
  return address.is_multicast() || address.is_broadcast();
}

}  // namespace

Udp::Udp(Machine& machine, AddressFamily of_family) noexcept
    : Object(machine, of_family, SocketType::datagram) {}

Ready Udp::ready() const noexcept {
  if (error_ != 0 || (input_shut_ && output_shut_)) return detail::ready_for_all;
  if (input_shut_) return Ready::both | Ready::peer_closed;
  return queue_.empty() ? Ready::write : Ready::both;
}

std::string Udp::describe() const {
  std::string text = "udp " + route_.local.to_string();
  return is_connected_ ? text + " -> " + route_.remote.to_string() : text;
}

void Udp::closed() {
  if (std::exchange(is_bound_, false)) machine_.udp_ports.unbind(*this, route_.local.port);
}

int Udp::bind(const Endpoint& local) {
  if (local.family() != family) return refusal_of(local);
  Address address = Address::of(local);
  if (is_bound_ && family == AddressFamily::ipv6) return -EINVAL;
  if (!address.is_any() && !is_for_many(address) && !machine_.owns(address)) return -EADDRNOTAVAIL;
  if (is_bound_) return -EINVAL;
  const bool chooses_port = address.port != 0;
  const int result = machine_.udp_ports.bind(*this, address, machine_.world().random);
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

int Udp::connect(const Endpoint& peer) {
  if (const int result = be_bound(); result != 0) return result;  // also if sending fails
  if (peer.family() != family) {
    if (!is_mapped(peer)) return refusal_of(peer);
    if (options.is_on(SocketOption::ipv6_only)) return -EAFNOSUPPORT;
  }
  Route route;
  const int result = route_to(Address::of(peer), route);
  if (result != 0) return result;
  route_.remote = route.remote;
  route_.local.ip = route.local.ip;
  is_connected_ = true;
  changed();
  return 0;
}

/// As udp_disconnect() of Linux: what bind() has not named is gone, also a port that the system has
/// chosen.
int Udp::forget_peer() {
  is_connected_ = false;
  route_.remote = {};
  if (!keeps_address_) route_.local.ip = any_address(family).ip;
  if (!keeps_port_ && std::exchange(is_bound_, false)) {
    machine_.udp_ports.unbind(*this, route_.local.port);
    route_.local.port = 0;
  }
  changed();
  return 0;
}

/// To the address that is left after forget_peer(), or to any.
int Udp::be_bound() {
  if (is_bound_) return 0;
  const Address address = keeps_address_ ? route_.local : any_address(family);
  return bind(address.endpoint(family)) == 0 ? 0 : -EAGAIN;
}

/// The source address of a bound socket.
int Udp::route_to(const Address& to, Route& route) {
  route.remote = to;
  if (to.is_any()) route.remote.ip = loopback_address(to.family()).ip;
  const bool leaves = is_for_many(to) && !to.is_loopback();
  const auto source = machine_.source_for(leaves ? any_address(to.family()) : route.remote);
  if (!source) return -ENETUNREACH;
  if (const int result = be_bound(); result != 0) return result;
  route.local = route_.local;
  if (route.local.is_any()) route.local.ip = source->ip;
  return 0;
}

int Udp::receive(Message& message, Rights&) {
  if (error_ != 0) return -std::exchange(error_, 0);
  if (queue_.empty()) return -EAGAIN;  // also after shutdown(2)
  const Datagram datagram = std::move(queue_.front());
  queue_.pop_front();
  queued_ -= datagram.data.size() + cost_of_datagram;
  message.size = fill(message, 0, datagram.data);
  message.truncated = message.size < datagram.data.size();
  if (message.address != nullptr) *message.address = datagram.route.local.endpoint(family);
  message.control_truncated = message.info == nullptr && options.is_on(SocketOption::packet_info);
  if (message.info != nullptr) {
    *message.info = {.whole_size = datagram.data.size()};
    if (options.is_on(SocketOption::packet_info)) {
      Address to = datagram.route.remote;
      to.port = 0;
      message.info->local = to.endpoint(family);
      message.info->unicast = !is_for_many(to);
      message.info->interface = to.is_loopback() ? 1 : 2;
    }
  }
  changed();
  return 0;
}

/// The destination of a message that has an address.
int Udp::route_by(const Endpoint& destination, Route& route) {
  const bool is_of_other_family = destination.family() != family;
  if (is_of_other_family && !is_mapped(destination)) {
    return family == AddressFamily::ipv6 ? -EINVAL : refusal_of(destination);
  }
  if (is_of_other_family && options.is_on(SocketOption::ipv6_only)) return -ENETUNREACH;
  return destination.port() == 0 ? -EINVAL : route_to(Address::of(destination), route);
}

/// The source that a message requests.
int Udp::choose_source(const MessageInfo& info, Route& route) const {
  if (info.segment_size != 0) return -EOPNOTSUPP;
  const Address from = Address::of(info.local);
  if (from.is_any() || info.local.family() != family) return 0;
  if (!machine_.owns(from)) return -EINVAL;
  route.local.ip = from.ip;
  return 0;
}

int Udp::send(Message& message, Rights) {
  if (const int result = be_bound(); result != 0) return result;
  if (message.address == nullptr && !is_connected_) return -EDESTADDRREQ;
  Datagram datagram{.route = route_, .data = {}};
  int result = message.address != nullptr ? route_by(*message.address, datagram.route) : 0;
  if (result == 0 && message.info != nullptr) result = choose_source(*message.info, datagram.route);
  if (result != 0) return result;
  if (size_of(message) > size_max) return -EMSGSIZE;
  if (error_ != 0) return -std::exchange(error_, 0);
  if (output_shut_) return -EPIPE;
  for (const Bytes part : message.parts) {
    datagram.data.insert(datagram.data.end(), part.begin(), part.end());
  }
  if (datagram.route.remote.is_broadcast() && !options.is_on(SocketOption::broadcast))
    return -EACCES;
  message.size = datagram.data.size();
  deliver(datagram);
  return 0;
}

void Udp::deliver(const Datagram& datagram) {
  if (is_for_many(datagram.route.remote)) {
    send_to_all(datagram);
  } else if (machine_.owns(datagram.route.remote)) {
    send_to(machine_, datagram);
  } else if (Machine* const to = machine_.world().machine_at(datagram.route.remote)) {
    send_to(*to, datagram);
  }
}

void Udp::send_to_all(const Datagram& datagram) {
  if (datagram.route.remote.is_loopback()) return send_to(machine_, datagram);
  const bool loops =
      !datagram.route.remote.is_multicast() || options.is_on(SocketOption::multicast_loop);
  for (Machine* const machine : machine_.world().machines()) {
    if (machine != &machine_ || loops) send_to(*machine, datagram);
  }
}

void Udp::send_to(Machine& machine, const Datagram& datagram) {
  machine_.note("udp sends", {datagram.data.size()}, &datagram.route);
  machine_.world().send_datagram(
      machine_, machine, udp_header_size + datagram.data.size(), [&]() -> Function<void()> {
        return [from = &machine_, to = &machine, sent = std::make_unique<Datagram>(datagram)] {
          if (Udp::arrive(*to, *sent) || is_for_many(sent->route.remote)) return;
          to->world().send_datagram(*to, *from, udp_header_size, [&]() -> Function<void()> {
            return [from, route = std::make_unique<Route>(sent->route)] {
              Udp::unreachable(*from, *route);
            };
          });
        };
      });
}

bool Udp::arrive(Machine& machine, const Datagram& datagram) {
  machine.note("udp got", {datagram.data.size()}, &datagram.route);
  const std::vector<Binding>* const bindings = machine.udp_ports.at(datagram.route.remote.port);
  if (bindings == nullptr) return false;
  std::vector<Udp*> takers;
  for (const Binding& binding : *bindings) {
    auto* const socket = static_cast<Udp*>(binding.object);
    const Address& to = datagram.route.remote;
    if (!is_for_many(to) && !binding.covers(to)) continue;
    if (socket->wants(datagram)) takers.push_back(socket);
  }
  if (takers.empty()) return false;
  if (is_for_many(datagram.route.remote)) {
    for (Udp* const taker : takers) taker->take(datagram);
    return true;
  }
  // A socket connected to the sender takes precedence, then the one that was bound last.
  const auto connected =
      std::find_if(takers.begin(), takers.end(), [](const Udp* one) { return one->is_connected_; });
  (connected != takers.end() ? *connected : takers.back())->take(datagram);
  return true;
}

bool Udp::wants(const Datagram& datagram) const noexcept {
  if (is_connected_ && !is_peer(datagram.route.local)) return false;
  const Address& to = datagram.route.remote;
  return !to.is_multicast() || is_member_of(to, datagram.route.local);
}

/// An IPv6 socket accepts IPv4 addresses unless ipv6_only is set.
bool Udp::is_mapped(const Endpoint& address) const noexcept {
  return family == AddressFamily::ipv6 && address.family() == AddressFamily::ipv4;
}

/// A socket that is connected to port 0 receives from every port.
bool Udp::is_peer(const Address& address) const noexcept {
  return route_.remote.port == 0 ? route_.remote.ip == address.ip : route_.remote == address;
}

/// Drops the datagram if the buffer is full.
void Udp::take(const Datagram& datagram) {
  const std::size_t cost = datagram.data.size() + cost_of_datagram;
  if (queued_ != 0 && queued_ + cost > options.receive_room() * 2) return;
  queued_ += cost;
  queue_.push_back(datagram);
  changed();
}

void Udp::unreachable(Machine& machine, const Route& route) {
  const std::vector<Binding>* const bindings = machine.udp_ports.at(route.local.port);
  if (bindings == nullptr) return;
  for (const Binding& binding : *bindings) {
    auto* const socket = static_cast<Udp*>(binding.object);
    if (!socket->is_connected_ || !socket->is_peer(route.remote)) continue;
    socket->error_ = ECONNREFUSED;
    socket->changed();
  }
}

int Udp::shutdown(Direction direction) {
  if (direction != Direction::write) input_shut_ = true;
  if (direction != Direction::read) output_shut_ = true;
  changed();
  return is_connected_ ? 0 : -ENOTCONN;
}

int Udp::local(Endpoint& address) const {
  const bool is_known = is_bound_ || keeps_address_;
  address = is_known ? route_.local.endpoint(family) : Endpoint::any(0, family);
  return 0;
}

int Udp::peer(Endpoint& address) const {
  if (!is_connected_ || route_.remote.port == 0) return -ENOTCONN;
  address = route_.remote.endpoint(family);
  return 0;
}

}  // namespace rondo::sim
