// SPDX-License-Identifier: MIT
// One object for each client: a Handler with its Socket and its Watch. All of them read into one
// buffer of the server and write from there, so a client that keeps up needs no memory of its own.
// If the kernel does not take all, the rest is kept in a backlog, which becomes the client's
// handler and is watched for writing only: nothing more is read until the rest has been sent. So
// the end of input is seen only when nothing is left to send.
//
// The server owns the clients in a list, which is also the order of their silence: with an idle
// timeout, a client that sends something moves to the back, and one timer checks the front.
#include "accepting_service.h"

#include <array>
#include <list>
#include <utility>
#include <vector>

#include <rondo/socket.h>
#include <rondo/timer.h>

namespace echo {
namespace {

constexpr std::size_t buffer_size = std::size_t{64} * 1024;

class Server;

class Client final : public rondo::Handler {
 public:
  using Position = std::list<Client>::iterator;

  Client(Server& server, rondo::Socket socket) noexcept
      : server_(server), socket_(std::move(socket)) {}

  bool start(rondo::Reactor& reactor, Position self);
  void on_ready(rondo::Ready ready) override;

  [[nodiscard]] rondo::TimePoint heard_at() const noexcept { return heard_at_; }
  void set_heard_at(rondo::TimePoint now) noexcept { heard_at_ = now; }
  [[nodiscard]] Position self() const noexcept { return self_; }

 private:
  /// Replaces the client as the handler until all of it is sent.
  struct Backlog final : rondo::Handler {
    explicit Backlog(Client& owner) noexcept : client(owner) {}
    void on_ready(rondo::Ready) override { client.send_backlog(); }

    Client& client;
    std::vector<std::byte> data;
    std::size_t sent = 0;
  };

  [[gnu::noinline]] void fail(std::error_code error) noexcept;
  [[gnu::noinline]] void keep(std::size_t received, std::size_t sent);
  [[gnu::noinline]] void send_backlog();

  Server& server_;
  rondo::Socket socket_;
  rondo::Watch watch_;  // ends before the socket closes
  std::unique_ptr<Backlog> backlog_;
  rondo::TimePoint heard_at_{};
  Position self_{};
};
static_assert(sizeof(void*) != 8 || sizeof(Client) == 72, "bench/costs counts with this size");

class Server final : public AcceptingService {
 public:
  Server(rondo::Reactor& reactor, rondo::Duration idle_timeout)
      : reactor_(reactor),
        idle_timeout_(idle_timeout),
        idle_timer_(reactor, [this] { drop_idle(); }) {}

  rondo::Result<void> listen(const rondo::Endpoint& endpoint);

  [[nodiscard]] rondo::MutableBytes buffer() noexcept { return buffer_; }
  [[gnu::noinline]] void drop(Client& client) noexcept { clients_.erase(client.self()); }
  void heard(Client& client, std::size_t received) noexcept {
    totals.bytes += received;
    if (idle_timeout_ != rondo::forever) move_to_back(client);
  }

 private:
  void admit(rondo::Socket socket);
  [[gnu::noinline]] void move_to_back(Client& client) noexcept;
  void drop_idle() noexcept;

  rondo::Reactor& reactor_;
  rondo::Duration idle_timeout_;
  std::list<Client> clients_;  // the one that was silent the longest is the first
  rondo::Timer idle_timer_;
  std::array<std::byte, buffer_size> buffer_;
};

bool Client::start(rondo::Reactor& reactor, Position self) {
  self_ = self;
  auto watch = reactor.watch(socket_.fd(), rondo::Ready::read, *this);
  if (!watch) return false;
  watch_ = std::move(*watch);
  return true;
}

// The hot path. What is rare is called by value and out of line, so that it costs nothing here.
void Client::on_ready(rondo::Ready) {
  const auto received = socket_.read(server_.buffer());
  if (!received) [[unlikely]]
    return fail(received.error());
  if (*received == 0) [[unlikely]]
    return server_.drop(*this);
  server_.heard(*this, *received);
  const std::size_t sent = socket_.write(server_.buffer().first(*received)).value_or(0);
  if (sent != *received) [[unlikely]]
    keep(*received, sent);
}

void Client::fail(std::error_code error) noexcept {
  if (error != std::errc::operation_would_block) server_.drop(*this);
}

void Client::keep(std::size_t received, std::size_t sent) {
  const rondo::Bytes rest = server_.buffer().first(received).subspan(sent);
  backlog_ = std::make_unique<Backlog>(*this);
  backlog_->data.assign(rest.begin(), rest.end());
  watch_.set_handler(*backlog_);
  watch_.set(rondo::Ready::write);
}

void Client::send_backlog() {
  const auto sent = socket_.write(rondo::Bytes{backlog_->data}.subspan(backlog_->sent));
  if (!sent) return fail(sent.error());
  server_.heard(*this, 0);
  backlog_->sent += *sent;
  if (backlog_->sent < backlog_->data.size()) return;
  watch_.set_handler(*this);
  watch_.set(rondo::Ready::read);
  backlog_.reset();
}

rondo::Result<void> Server::listen(const rondo::Endpoint& endpoint) {
  return accept_on(reactor_, endpoint, [this](rondo::Socket socket, const rondo::Endpoint&) {
    admit(std::move(socket));
  });
}

void Server::admit(rondo::Socket socket) {
  clients_.emplace_back(*this, std::move(socket));
  Client& client = clients_.back();
  if (!client.start(reactor_, std::prev(clients_.end()))) return clients_.pop_back();
  ++totals.clients;
  heard(client, 0);
}

void Server::move_to_back(Client& client) noexcept {
  client.set_heard_at(reactor_.now());
  clients_.splice(clients_.end(), clients_, client.self());
  if (!idle_timer_.armed()) idle_timer_.arm_at(client.heard_at() + idle_timeout_);
}

void Server::drop_idle() noexcept {
  while (!clients_.empty() && clients_.front().heard_at() + idle_timeout_ <= reactor_.now())
    clients_.pop_front();
  if (!clients_.empty()) idle_timer_.arm_at(clients_.front().heard_at() + idle_timeout_);
}

}  // namespace

rondo::Result<std::unique_ptr<Service>> make_handler_service(rondo::Reactor& reactor,
                                                             const rondo::Endpoint& local,
                                                             const Settings& settings) {
  if (settings.secure != nullptr) return make_secure_handler_service(reactor, local, settings);
  auto server = std::make_unique<Server>(reactor, settings.idle_timeout);
  if (auto listening = server->listen(local); !listening) return listening.error();
  return std::unique_ptr<Service>{std::move(server)};
}

}  // namespace echo
