// SPDX-License-Identifier: MIT
// The handler style with TLS: an Acceptor, and a handler for the stream of each client, which this
// program owns itself. A bare socket has no place for TLS, a stream has.
#include <list>
#include <utility>

#include <rondo/stream.h>

#include "accepting_service.h"

namespace echo {
namespace {

class SecureServer;

class SecureClient final : public rondo::StreamHandler {
 public:
  explicit SecureClient(SecureServer& server) noexcept : server_(server) {}

  /// False: this client cannot be served.
  bool start(rondo::Reactor& reactor, rondo::Socket socket, std::list<SecureClient>::iterator self);
  void on_open(rondo::Stream& stream) override;  // after the handshake
  void on_data(rondo::Stream& stream, rondo::Bytes data) override;
  void on_close(rondo::Stream& stream, const rondo::Close& why) override;

 private:
  SecureServer& server_;
  std::list<SecureClient>::iterator self_;
  std::unique_ptr<rondo::Stream> stream_;
};

class SecureServer final : public AcceptingService {
 public:
  SecureServer(rondo::Reactor& reactor, const Settings& settings) noexcept
      : reactor_(reactor), settings_(settings) {}

  rondo::Result<void> listen(const rondo::Endpoint& endpoint) {
    return accept_on(reactor_, endpoint, [this](rondo::Socket socket, const rondo::Endpoint&) {
      admit(std::move(socket));
    });
  }
  [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
  void drop(std::list<SecureClient>::iterator client) noexcept { clients_.erase(client); }

 private:
  void admit(rondo::Socket socket) {
    clients_.emplace_back(*this);
    const auto client = std::prev(clients_.end());
    if (!client->start(reactor_, std::move(socket), client)) drop(client);
  }

  rondo::Reactor& reactor_;
  const Settings settings_;
  std::list<SecureClient> clients_;
};

bool SecureClient::start(rondo::Reactor& reactor, rondo::Socket socket,
                         std::list<SecureClient>::iterator self) {
  self_ = self;
  auto stream = rondo::Stream::adopt(
      reactor, std::move(socket), *this,
      {.idle_timeout = server_.settings().idle_timeout, .pause_reading_when_full = true});
  if (!stream) return false;
  stream_ = std::move(*stream);
  return static_cast<bool>(stream_->upgrade(*server_.settings().secure, "", {}));
}

void SecureClient::on_open(rondo::Stream&) { ++server_.totals.clients; }

void SecureClient::on_data(rondo::Stream& stream, rondo::Bytes data) {
  server_.totals.bytes += data.size();
  stream.write(data);
}

void SecureClient::on_close(rondo::Stream&, const rondo::Close&) { server_.drop(self_); }

}  // namespace

rondo::Result<std::unique_ptr<Service>> make_secure_handler_service(rondo::Reactor& reactor,
                                                                    const rondo::Endpoint& local,
                                                                    const Settings& settings) {
  auto server = std::make_unique<SecureServer>(reactor, settings);
  if (auto listening = server->listen(local); !listening) return listening.error();
  return std::unique_ptr<Service>{std::move(server)};
}

}  // namespace echo
