// SPDX-License-Identifier: MIT
// The public face of Server. See server_impl.h for what it does.
#include <rondo/server.h>

#include <chrono>
#include <memory>
#include <span>
#include <utility>

#include <rondo/assert.h>

#include "server_impl.h"
#include "used.h"

namespace rondo {

Server::Server(std::unique_ptr<Impl> impl) noexcept : impl_(impl.release()) {}
Server::Server(Server&& other) noexcept = default;
Server& Server::operator=(Server&& other) noexcept = default;
Server::~Server() = default;

void Server::Retire::operator()(Impl* impl) const noexcept {
  detail::used(impl, "the destructor of Server").retire();
}

Server Server::make(Reactor& reactor, SessionFactory factory, const ServerOptions& options) {
  detail::check_thread(reactor, "Server::make");
  return Server{std::make_unique<Impl>(reactor, std::move(factory), options)};
}

Result<Endpoint> Server::listen(std::string_view where) {
  return detail::used(impl_.get(), "Server::listen").listen(where);
}

Result<Endpoint> Server::listen(const Endpoint& where) {
  return detail::used(impl_.get(), "Server::listen").listen(where);
}
Result<Endpoint> Server::adopt(Socket listener) {
  return detail::used(impl_.get(), "Server::adopt").adopt(std::move(listener));
}
std::span<const Endpoint> Server::local_endpoints() const noexcept {
  return detail::used(impl_.get(), "Server::local_endpoints").local_endpoints();
}
const Endpoint& Server::local_endpoint() const noexcept {
  const std::span<const Endpoint> all =
      detail::used(impl_.get(), "Server::local_endpoint").local_endpoints();
  RONDO_REQUIRE(!all.empty(), "Server::local_endpoint",
                " was called on a server that does not listen. Call listen() or adopt() first.");
  static const Endpoint none;
  return all.empty() ? none : all.front();
}
void Server::accept_if(Filter filter) noexcept {
  detail::used(impl_.get(), "Server::accept_if").accept_if(std::move(filter));
}
void Server::set_error_handler(ErrorHandler handler) noexcept {
  detail::used(impl_.get(), "Server::set_error_handler").set_error_handler(std::move(handler));
}
std::span<const UnappliedOption> Server::unapplied() const noexcept {
  return detail::used(impl_.get(), "Server::unapplied").unapplied();
}
std::size_t Server::connections() const noexcept {
  return detail::used(impl_.get(), "Server::connections").connections();
}
Server::Counters Server::counters() const noexcept {
  return detail::used(impl_.get(), "Server::counters").counters();
}
void Server::stop_accepting() noexcept {
  detail::used(impl_.get(), "Server::stop_accepting").stop_accepting();
}
void Server::drain(Duration timeout) {
  detail::used(impl_.get(), "Server::drain").drain(timeout, {});
}
void Server::drain(Duration timeout, Function<void()> done) {
  detail::used(impl_.get(), "Server::drain").drain(timeout, std::move(done));
}
void Server::abort() noexcept { detail::used(impl_.get(), "Server::abort").abort(); }

ServerOptions internet_facing() noexcept {
  using std::chrono::minutes;
  using std::chrono::seconds;
  ServerOptions options;
  options.connections_per_address_max = 64;
  options.stream.idle_timeout = minutes{1};
  options.stream.write_timeout = seconds{30};
  options.stream.handshake_timeout = seconds{20};
  options.socket.keep_alive = KeepAlive{};
  return options;
}

Result<Server> serve(Reactor& reactor, std::string_view where, SessionFactory factory,
                     const ServerOptions& options) {
  Server server = Server::make(reactor, std::move(factory), options);
  if (auto local = server.listen(where); !local) return std::move(local).error();
  return server;
}

}  // namespace rondo
