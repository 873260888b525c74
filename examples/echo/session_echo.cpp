// One session a client. Everything that the handler style does by hand (short writes,
// back-pressure, the end of input, timeouts) is the stream's; so is the session's lifetime.
#include "session_echo.h"

#include <utility>

#include <rondo/server.h>

namespace echo {
namespace {

class Session final : public rondo::Session {
 public:
  explicit Session(Totals& totals) noexcept : totals_(totals) { ++totals_.clients; }

  void on_data(rondo::Stream& client, rondo::Bytes data) override {
    totals_.bytes += data.size();
    client.write(data);
  }

 private:
  Totals& totals_;
};

class Server final : public Service {
 public:
  Server(rondo::Reactor& reactor, rondo::Duration idle_timeout)
      : server_(rondo::Server::make(reactor, rondo::session_factory<Session>(totals_),
                                    {.stream = options(idle_timeout)})) {}

  /// Whoever does not read what he gets is not listened to until he has.
  static rondo::StreamOptions options(rondo::Duration idle_timeout) {
    return {.idle_timeout = idle_timeout, .pause_reading_when_full = true};
  }

  rondo::Result<void> listen(const rondo::Endpoint& local) {
    auto listening = server_.listen(local);
    if (!listening) return std::move(listening).error();
    return {};
  }
  [[nodiscard]] const rondo::Endpoint& local_endpoint() const noexcept override {
    return server_.local_endpoint();
  }
  [[nodiscard]] Totals totals() const noexcept override { return totals_; }

 private:
  Totals totals_;
  rondo::Server server_;
};

}  // namespace

rondo::Result<std::unique_ptr<Service>> make_session_service(rondo::Reactor& reactor,
                                                             const rondo::Endpoint& local,
                                                             rondo::Duration idle_timeout) {
  auto server = std::make_unique<Server>(reactor, idle_timeout);
  if (auto listening = server->listen(local); !listening) return listening.error();
  return std::unique_ptr<Service>{std::move(server)};
}

}  // namespace echo
