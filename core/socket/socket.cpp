// SPDX-License-Identifier: MIT
// Socket: an owned descriptor and the calls on it, through a Net.
//
// A Socket holds only the Net and the descriptor; the kernel has all other state. The functions
// that make a socket, and those that set an option, return errors with their context. The others
// are calls of the Net, whose negative errno becomes an error_code. If a step of listen() or
// connect() fails, the destructor of the Socket closes it.
//
// SO_ERROR alone decides how a connect ended: readiness to write is a hint, and whether the socket
// has a remote endpoint depends on timing. Only if SO_ERROR reports no error is the remote endpoint
// queried: a socket without one is still connecting.
#include <array>
#include <cstdlib>
#include <iterator>
#include <string>
#include <utility>

#include <rondo/assert.h>
#include <rondo/socket.h>

#include "apply_options.h"
#include "loop/watched.h"
#include "socket_file.h"

namespace rondo {
namespace {

/// 0 and above: no error. Below: the negative errno.
std::error_code error_of(int result) noexcept {
  return result < 0 ? system_error(-result) : std::error_code{};
}

Error named(const char* what, const Endpoint& where, std::error_code code) {
  return {code, what + where.to_string()};
}

/// `result` is a negative errno.
Error failed(const char* what, int fd, int result) {
  return {system_error(-result), what + (" descriptor " + std::to_string(fd))};
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    net_ = other.net_;
    fd_ = other.release();
  }
  return *this;
}

// The contexts of these two fit into a std::string without an allocation, which could throw.

Result<Socket> Socket::make(Net& net, AddressFamily family, SocketType type) noexcept {
  const int fd = net.socket(family, type);
  if (fd < 0) return Error{system_error(-fd), "make a socket"};
  return Socket{net, fd};
}

Result<std::array<Socket, 2>> Socket::pair(Net& net, SocketType type) noexcept {
  int fds[2] = {-1, -1};
  if (auto error = error_of(net.pair(type, fds))) return Error{error, "make a pair"};
  return std::array{Socket{net, fds[0]}, Socket{net, fds[1]}};
}

Result<Socket> Socket::listen(Net& net, const Endpoint& local, const SocketOptions& options,
                              std::vector<UnappliedOption>* unapplied) {
  constexpr const char* what = "listen on ";
  auto made = make(net, local.family(), SocketType::stream);
  if (!made) return named(what, local, made.error().code);
  Socket& socket = *made;
  auto failed = detail::apply(socket, local, options, detail::Purpose::listen);
  if (unapplied == nullptr && !failed.empty()) return std::move(failed.front().error);
  detail::SocketFile file{net, local};
  if (auto error = error_of(net.bind(socket.fd(), local))) return named(what, local, error);
  file.own();
  if (auto error = error_of(net.listen(socket.fd(), options.backlog))) {
    return named(what, local, error);
  }
  if (unapplied != nullptr) std::move(failed.begin(), failed.end(), std::back_inserter(*unapplied));
  file.leave();
  return std::move(socket);
}

Result<Socket> Socket::connect(Net& net, const Endpoint& peer) {
  constexpr const char* what = "connect to ";
  auto made = make(net, peer.family(), SocketType::stream);
  if (!made) return named(what, peer, made.error().code);
  const std::error_code error = error_of(net.connect(made->fd(), peer));
  if (error && error != std::errc::operation_in_progress) return named(what, peer, error);
  return std::move(*made);
}

Result<Socket::Accepted, std::error_code> Socket::accept() noexcept {
  require("Socket::accept");
  Endpoint peer;
  const int fd = net_->accept(fd_, &peer);
  if (fd < 0) return system_error(-fd);
  return Accepted{Socket{*net_, fd}, peer};
}

std::error_code Socket::connect_result() noexcept {
  require("Socket::connect_result");
  if (const int error = net_->take_error(fd_); error != 0) return system_error(std::abs(error));
  Endpoint peer;
  const std::error_code error = error_of(net_->remote_endpoint(fd_, peer));
  if (error == std::errc::not_connected) {
    return std::make_error_code(std::errc::operation_in_progress);
  }
  return error;
}

bool Socket::is_self_connected() const noexcept {
  require("Socket::is_self_connected");
  Endpoint here;
  Endpoint there;
  const bool is_known =
      net_->local_endpoint(fd_, here) >= 0 && net_->remote_endpoint(fd_, there) >= 0;
  return is_known && here.family() != AddressFamily::unix_domain && here == there;
}

Result<void> Socket::shutdown(Direction direction) {
  require("Socket::shutdown");
  if (const int result = net_->shutdown(fd_, direction); result < 0)
    return failed("shut down", fd_, result);
  return {};
}

Result<void> Socket::set_option(int level, int name, int value) {
  require("Socket::set_option");
  const int result = net_->set_option(fd_, level, name, std::as_bytes(std::span{&value, 1}));
  if (result >= 0) return {};
  return Error{system_error(-result),
               "set option " + std::to_string(name) + " of level " + std::to_string(level)};
}

Result<int> Socket::option(int level, int name) const {
  require("Socket::option");
  int value = 0;
  const int size = net_->option(fd_, level, name, std::as_writable_bytes(std::span{&value, 1}));
  if (size >= 0) return value;
  return Error{system_error(-size),
               "get option " + std::to_string(name) + " of level " + std::to_string(level)};
}

Result<void> Socket::set(SocketOption option, int value) {
  require("Socket::set");
  const int result = net_->set(fd_, option, value);
  if (result >= 0) return {};
  return Error{system_error(-result), "set " + std::string{name_of(option)}};
}

Result<int> Socket::get(SocketOption option) const {
  require("Socket::get");
  int value = 0;
  const int result = net_->get(fd_, option, value);
  if (result >= 0) return value;
  return Error{system_error(-result), "get " + std::string{name_of(option)}};
}

Result<Endpoint> Socket::local_endpoint() const {
  require("Socket::local_endpoint");
  Endpoint address;
  const int result = net_->local_endpoint(fd_, address);
  if (result < 0) return failed("local endpoint of", fd_, result);
  return address;
}

Result<Endpoint> Socket::remote_endpoint() const {
  require("Socket::remote_endpoint");
  Endpoint address;
  const int result = net_->remote_endpoint(fd_, address);
  if (result < 0) return failed("remote endpoint of", fd_, result);
  return address;
}

Result<Credentials> Socket::peer_credentials() const {
  require("Socket::peer_credentials");
  Credentials peer;
  const int result = net_->credentials(fd_, peer);
  if (result < 0) return failed("credentials of the peer of", fd_, result);
  return peer;
}

void Socket::close() noexcept {
  if (fd_ < 0) return;
  RONDO_REQUIRE(!detail::is_watched(*net_, fd_),
                "a Socket was closed while a Watch of its descriptor exists. End the Watch first: "
                "declare it after the Socket.");
  (void)net_->close(release());  // the descriptor is closed even if this fails
}

void Socket::reset() noexcept {
  if (fd_ < 0) return;
  // If it cannot be set, as for a simulated Unix socket, this is a plain close.
  (void)net_->set(fd_, SocketOption::linger, 0);
  close();
}

bool is_transient_accept_error(std::error_code error) noexcept {
  // The errors of the listener are a short list, the same on every system. Those of one connection
  // are a long list that differs by system (accept(2), "Error handling").
  constexpr std::array not_of_one_client{
      std::errc::operation_would_block, std::errc::bad_file_descriptor,     std::errc::not_a_socket,
      std::errc::invalid_argument,      std::errc::operation_not_supported, std::errc::bad_address};
  if (!error || is_exhaustion(error)) return false;
  for (const std::errc condition : not_of_one_client) {
    if (error == condition) return false;
  }
  return true;
}

bool is_exhaustion(std::error_code error) noexcept {
  return error == std::errc::too_many_files_open ||
         error == std::errc::too_many_files_open_in_system || error == std::errc::no_buffer_space ||
         error == std::errc::not_enough_memory;
}

}  // namespace rondo
