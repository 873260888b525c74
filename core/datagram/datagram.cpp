// SPDX-License-Identifier: MIT
// DatagramSocket: how one is made, and its public functions, which call datagram_impl.cpp.
//
// Options are set before bind or connect. An option that fails does not end the making: it is kept
// for unapplied(), and the socket does not rely on it.
#include <string>
#include <utility>

#include <rondo/datagram.h>
#include <rondo/reactor.h>

#include "datagram_impl.h"
#include "socket/adopted.h"
#include "socket/apply_options.h"
#include "socket/socket_file.h"
#include "used.h"

namespace rondo {
namespace {

Error named(const char* what, const Endpoint& where, std::error_code code) {
  return {code, what + where.to_string()};
}

/// `result` is 0 or a negative errno.
Result<void> checked(int result, const char* what, const Endpoint& where) {
  if (result < 0) return named(what, where, system_error(-result));
  return {};
}

/// Replaces the file of a socket that has ended.
Result<void> bind_in_place(Net& net, const Socket& socket, const Endpoint& local) {
  const auto bind = [&] { return checked(net.bind(socket.fd(), local), "bind to ", local); };
  const detail::SocketFolderLock lock{net, local};
  auto bound = bind();
  const bool has_file = local.family() == AddressFamily::unix_domain && net.binds_files();
  if (bound || !has_file || bound.error() != std::errc::address_in_use) return bound;
  auto removed = detail::remove_stale_file(net, local, std::move(bound).error());
  return removed ? bind() : std::move(removed);
}

/// Applies the options of DatagramOptions itself. An offload that fails is not used.
std::vector<UnappliedOption> prepare_datagrams(Socket& socket, const Endpoint& where,
                                               DatagramOptions& options) {
  std::vector<UnappliedOption> unapplied;
  const auto fail = [&](SocketOption option, std::error_code code) {
    std::string tried = "set ";
    tried.append(name_of(option)).append(" on ").append(where.to_string());
    unapplied.push_back({option, {code, std::move(tried)}});
  };
  const auto set = [&](SocketOption option, int value) {
    const auto done = socket.set(option, value);
    if (!done) fail(option, done.error().code);
    return done.has_value();
  };
  if (options.broadcast) set(SocketOption::broadcast, 1);
  if (options.ttl) set(SocketOption::ttl, *options.ttl);
  if (options.multicast_ttl) set(SocketOption::multicast_ttl, *options.multicast_ttl);
  if (options.multicast_loop) set(SocketOption::multicast_loop, *options.multicast_loop ? 1 : 0);
  if (options.multicast_interface) {
    set(SocketOption::multicast_interface, static_cast<int>(*options.multicast_interface));
  }
  if (options.packet_info) set(SocketOption::packet_info, 1);
  if (options.receive_offload) options.receive_offload = set(SocketOption::receive_offload, 1);
  if (options.send_offload) {
    // It is read, not set: each send says for itself into which segments it is cut.
    if (const auto known = socket.get(SocketOption::send_offload); !known) {
      options.send_offload = false;
      fail(SocketOption::send_offload, known.error());
    }
  }
  return unapplied;
}

std::vector<UnappliedOption> prepare(Socket& socket, const Endpoint& where,
                                     DatagramOptions& options) {
  auto unapplied = detail::apply(socket, where, options.socket, detail::Purpose::datagram);
  for (UnappliedOption& one : prepare_datagrams(socket, where, options)) {
    unapplied.push_back(std::move(one));
  }
  return unapplied;
}

}  // namespace

Result<DatagramSocket> DatagramSocket::make(Reactor& reactor, const Endpoint& local,
                                            DatagramHandler& handler,
                                            const DatagramOptions& options) {
  auto socket = Socket::make(reactor.net(), local.family(), SocketType::datagram);
  if (!socket) return named("bind to ", local, socket.error());
  DatagramOptions used = options;
  auto unapplied = prepare(*socket, local, used);
  detail::SocketFile file{reactor.net(), local};  // removed if the making fails
  auto bound = bind_in_place(reactor.net(), *socket, local);
  if (!bound) return std::move(bound).error();
  file.own();
  auto made = start(reactor, std::move(*socket), local, handler, used, std::move(unapplied));
  if (made) file.leave();
  return made;
}

Result<DatagramSocket> DatagramSocket::connect(Reactor& reactor, const Endpoint& peer,
                                               DatagramHandler& handler,
                                               const DatagramOptions& options) {
  constexpr const char* what = "connect to ";
  auto socket = Socket::make(reactor.net(), peer.family(), SocketType::datagram);
  if (!socket) return named(what, peer, socket.error());
  DatagramOptions used = options;
  auto unapplied = prepare(*socket, peer, used);
  auto connected = checked(reactor.net().connect(socket->fd(), peer), what, peer);
  if (!connected) return std::move(connected).error();
  return start(reactor, std::move(*socket), peer, handler, used, std::move(unapplied));
}

Result<DatagramSocket> DatagramSocket::adopt(Reactor& reactor, Socket socket,
                                             DatagramHandler& handler,
                                             const DatagramOptions& options) {
  auto local = detail::prepare_adopted(socket, detail::AdoptedAs::datagrams, "adopt");
  if (!local) return std::move(local).error();
  DatagramOptions used = options;
  auto unapplied = prepare_datagrams(socket, *local, used);
  return start(reactor, std::move(socket), *local, handler, used, std::move(unapplied));
}

Result<DatagramSocket> DatagramSocket::start(Reactor& reactor, Socket socket, const Endpoint& where,
                                             DatagramHandler& handler,
                                             const DatagramOptions& options,
                                             std::vector<UnappliedOption> unapplied) {
  reactor.loop_->check_thread("DatagramSocket::make, connect or adopt");
  auto impl = std::make_unique<Impl>(reactor, *reactor.loop_, std::move(socket), where.family(),
                                     handler, options, std::move(unapplied));
  if (auto error = impl->start(reactor)) return named("watch ", where, error);
  return DatagramSocket{*impl.release()};
}

DatagramSocket::DatagramSocket(Impl& impl) noexcept : impl_(&impl) { impl.set_owner(*this); }

DatagramSocket::DatagramSocket(DatagramSocket&& other) noexcept
    : impl_(std::exchange(other.impl_, nullptr)) {
  if (impl_ != nullptr) impl_->set_owner(*this);
}

DatagramSocket& DatagramSocket::operator=(DatagramSocket&& other) noexcept {
  if (this != &other) {
    if (impl_ != nullptr) detail::used(impl_, "DatagramSocket::operator=").retire();
    impl_ = std::exchange(other.impl_, nullptr);
    if (impl_ != nullptr) impl_->set_owner(*this);
  }
  return *this;
}

DatagramSocket::~DatagramSocket() {
  if (impl_ != nullptr) detail::used(impl_, "the destructor of DatagramSocket").retire();
}

bool DatagramSocket::send(Bytes data, const Endpoint& to) {
  return detail::used(impl_, "DatagramSocket::send").send(data, &to, nullptr);
}

bool DatagramSocket::send(Bytes data) {
  return detail::used(impl_, "DatagramSocket::send").send(data, nullptr, nullptr);
}

bool DatagramSocket::reply(const Datagram& datagram, Bytes data) {
  Impl& impl = detail::used(impl_, "DatagramSocket::reply");
  // A group's address or a broadcast address cannot be a source.
  if (!datagram.info.unicast) return impl.send(data, &datagram.from, nullptr);
  const MessageInfo source{.local = datagram.info.local, .interface = datagram.info.interface};
  return impl.send(data, &datagram.from, &source);
}

Result<void> DatagramSocket::connect_to(const Endpoint& peer) {
  auto& impl = detail::used(impl_, "DatagramSocket::connect_to");
  impl.send_now();
  Socket& socket = impl.socket();
  return checked(socket.net().connect(socket.fd(), peer), "connect to ", peer);
}

Result<void> DatagramSocket::disconnect() {
  constexpr const char* what = "disconnect ";
  auto& impl = detail::used(impl_, "DatagramSocket::disconnect");
  impl.send_now();
  Socket& socket = impl.socket();
  Net& net = socket.net();
  Endpoint before;
  if (const int result = net.local_endpoint(socket.fd(), before); result < 0)
    return Error{system_error(-result), "disconnect descriptor " + std::to_string(socket.fd())};
  auto done = checked(net.disconnect(socket.fd()), what, before);
  Endpoint now;
  // Linux keeps a port that bind() has named, and loses one that the system has chosen.
  const bool has_lost_port =
      done && net.local_endpoint(socket.fd(), now) >= 0 && now.port() == 0 && before.port() != 0;
  if (!has_lost_port) return done;
  return checked(net.bind(socket.fd(), now.with_port(before.port())), what, before);
}

Result<void> DatagramSocket::join(const Endpoint& group, std::uint32_t interface) {
  Socket& socket = detail::used(impl_, "DatagramSocket::join").socket();
  return checked(socket.net().membership(socket.fd(), group, interface, true), "join ", group);
}

Result<void> DatagramSocket::leave(const Endpoint& group, std::uint32_t interface) {
  Socket& socket = detail::used(impl_, "DatagramSocket::leave").socket();
  return checked(socket.net().membership(socket.fd(), group, interface, false), "leave ", group);
}

Result<void> DatagramSocket::join_source(const Endpoint& group, const Endpoint& source,
                                         std::uint32_t interface) {
  Socket& socket = detail::used(impl_, "DatagramSocket::join_source").socket();
  return checked(socket.net().source_membership(socket.fd(), group, source, interface, true),
                 ("join source " + source.to_string() + " of ").c_str(), group);
}

Result<void> DatagramSocket::leave_source(const Endpoint& group, const Endpoint& source,
                                          std::uint32_t interface) {
  Socket& socket = detail::used(impl_, "DatagramSocket::leave_source").socket();
  return checked(socket.net().source_membership(socket.fd(), group, source, interface, false),
                 ("leave source " + source.to_string() + " of ").c_str(), group);
}

void DatagramSocket::pause() noexcept { detail::used(impl_, "DatagramSocket::pause").pause(); }

void DatagramSocket::resume() noexcept { detail::used(impl_, "DatagramSocket::resume").resume(); }

void DatagramSocket::ref() noexcept { detail::used(impl_, "DatagramSocket::ref").ref(); }

void DatagramSocket::unref() noexcept { detail::used(impl_, "DatagramSocket::unref").unref(); }

Result<Endpoint> DatagramSocket::local_endpoint() const {
  return detail::used(impl_, "DatagramSocket::local_endpoint").socket().local_endpoint();
}

const DatagramSocket::Counters& DatagramSocket::counters() const noexcept {
  return detail::used(impl_, "DatagramSocket::counters").counters();
}

std::size_t DatagramSocket::unsent_bytes() const noexcept {
  return detail::used(impl_, "DatagramSocket::unsent_bytes").unsent_bytes();
}

const std::vector<UnappliedOption>& DatagramSocket::unapplied() const noexcept {
  return detail::used(impl_, "DatagramSocket::unapplied").unapplied();
}

Socket& DatagramSocket::socket() noexcept {
  return detail::used(impl_, "DatagramSocket::socket").socket();
}

}  // namespace rondo
