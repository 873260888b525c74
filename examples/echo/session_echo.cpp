// SPDX-License-Identifier: MIT
// One session for each client. The stream does what the handler style does by hand: short writes,
// back-pressure, the end of input, timeouts. The server owns the sessions.
#include "service.h"

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

struct SessionService final : Service {
  SessionService(rondo::Reactor& reactor, const rondo::ServerOptions& options)
      : server(rondo::Server::make(reactor, rondo::session_factory<Session>(totals), options)) {}
  rondo::Server server;
};

}  // namespace

rondo::Result<std::unique_ptr<Service>> make_session_service(rondo::Reactor& reactor,
                                                             const rondo::Endpoint& local,
                                                             const Settings& settings) {
  const rondo::ServerOptions options{
      // A client that does not read its replies is not read from until it does.
      .stream = {.idle_timeout = settings.idle_timeout, .pause_reading_when_full = true},
      .secure = settings.secure,
      // It is measured with as many clients as there are descriptors.
      .connections_max = rondo::unlimited,
  };
  auto service = std::make_unique<SessionService>(reactor, options);
  auto listening = service->server.listen(local);
  if (!listening) return std::move(listening).error();
  service->local = *listening;
  return std::unique_ptr<Service>{std::move(service)};
}

}  // namespace echo
