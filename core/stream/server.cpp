// The public face of Server. See server_impl.h for what it does.
#include <rondo/server.h>

#include <chrono>
#include <memory>
#include <utility>

#include "server_impl.h"

namespace rondo {

Server::Server(std::unique_ptr<Impl> impl) noexcept : impl_(impl.release()) {}
Server::Server(Server&& other) noexcept = default;
Server& Server::operator=(Server&& other) noexcept = default;
Server::~Server() = default;

void Server::Retire::operator()(Impl* impl) const noexcept { impl->retire(); }

Server Server::make(Reactor& reactor, SessionFactory factory, const ServerOptions& options) {
  return Server{std::make_unique<Impl>(reactor, std::move(factory), options)};
}

Result<Endpoint> Server::listen(std::string_view where) { return impl_->listen(where); }

Result<Endpoint> Server::listen(const Endpoint& where) { return impl_->listen(where); }
Result<Endpoint> Server::adopt(Socket listener) { return impl_->adopt(std::move(listener)); }
std::span<const Endpoint> Server::local_endpoints() const noexcept {
  return impl_->local_endpoints();
}
void Server::accept_if(Filter filter) noexcept { impl_->accept_if(std::move(filter)); }
void Server::set_error_handler(ErrorHandler handler) noexcept {
  impl_->set_error_handler(std::move(handler));
}
std::span<const UnappliedOption> Server::unapplied() const noexcept { return impl_->unapplied(); }
std::size_t Server::connections() const noexcept { return impl_->connections(); }
Server::Counters Server::counters() const noexcept { return impl_->counters(); }
void Server::stop_accepting() noexcept { impl_->stop_accepting(); }
void Server::drain(Duration timeout) { impl_->drain(timeout, {}); }
void Server::drain(Duration timeout, Function<void()> done) {
  impl_->drain(timeout, std::move(done));
}
void Server::abort() noexcept { impl_->abort(); }

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
