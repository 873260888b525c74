// SPDX-License-Identifier: MIT
// Names, races of connects, and clients that reconnect.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inject/parts.h"
#include "inject/scenarios.h"
#include "support/name_server.h"
#include "support/temporary_file.h"

namespace rondo::test {
namespace {

const ServerOptions patient_server{.stream = patient};
const ConnectOptions patient_client{.timeout = 5s, .stream = patient};

std::string port_of(const Server& server) {
  return ':' + std::to_string(server.local_endpoint().port());
}

/// Exchanges data with a server at the address that `target` makes from its port.
template <typename Target>
void talk_to(Stage& stage, const ConnectOptions& options, Target target) {
  auto server = serve<Echo>(stage.reactor(), "127.0.0.1:0", patient_server);
  if (!server) return stage.report(server.error());
  Client client{stage, "hello"};
  client.handler.then = [&] { server->abort(); };
  client.connect(stage, target(port_of(*server)), options);
  stage.run();
  stage.succeed_if(client.is_content());
}

void refused(Stage& stage) {
  Client client{stage, "hello"};
  client.connect(stage, "127.0.0.1:1", patient_client);
  stage.run();
  if (stage.has_reported()) stage.succeed_if(client.handler.reason == CloseReason::not_connected);
}

/// Output that is written while connecting is sent afterwards; one stream closes before that.
void written_early(Stage& stage) {
  auto server = serve<Echo>(stage.reactor(), "127.0.0.1:0", patient_server);
  if (!server) return stage.report(server.error());
  const std::string where = server->local_endpoint().to_string();
  Listener talks{stage, "the early writer", 5};
  Listener closes{stage, "the early closer", 0};
  closes.wanted = CloseReason::closed;
  const auto ended = [&] {
    if (talks.closed.has_ended() && closes.closed.has_ended()) server->abort();
  };
  talks.then = ended;
  closes.then = ended;
  const auto first = connect(stage.reactor(), where, talks, patient_client);
  talks.closed.begin();
  const auto second = connect(stage.reactor(), where, closes, patient_client);
  closes.closed.begin();
  auto third = connect(stage.reactor(), where, closes, patient_client);
  third->write("detached");
  Stream::close_detached(std::move(third));
  first->write("hello");
  second->close();
  stage.run();
  stage.succeed_if(talks.is_content && closes.is_content);
}

/// A name with three addresses: there is a listener on one of them.
void by_name(Stage& stage) {
  stage.world().name("server.test", {"::1", "127.0.0.2", "127.0.0.1"});
  talk_to(stage, patient_client, [](const std::string& port) { return "server.test" + port; });
}

void no_such_name(Stage& stage) {
  Client client{stage, "hello"};
  client.connect(stage, "nowhere.test:80", patient_client);
  stage.run();
  stage.succeed_if(client.handler.reason == CloseReason::not_connected);
}

/// Resolves by DNS; the name server twice answers that the data is too large for a datagram.
void by_dns(Stage& stage) {
  std::optional<TemporaryFile> none;
  std::optional<NameServer> names;
  ResolverOptions options;
  {
    const Injector::Spare spare{stage.injector()};
    const SparedAllocations spared;
    none.emplace("search .\n");
    names.emplace(stage.reactor());
    names->add("server.test", "127.0.0.1");
    names->policy = [&](const NameServer::Query& query) -> std::optional<std::string> {
      if (query.tcp) return names->answer_of_zone(query);
      return NameServer::reply(query, 0, {}, true);
    };
    options.name_servers = {names->endpoint()};
    options.hosts_path = none->path();
    options.config_path = none->path();
  }
  Resolver resolver{stage.reactor(), options};
  ConnectOptions named = patient_client;
  named.resolver = &resolver;
  talk_to(stage, named, [](const std::string& port) { return "server.test" + port; });
}

/// Lookups that succeed, that fail, that are cancelled, and one too many.
void lookups(Stage& stage) {
  if (stage.place().is_simulated()) stage.world().name("one.test", {"10.0.0.1", "::1"});
  ResolverOptions options;
  options.in_flight_max = 1;
  options.waiting_max = 2;
  options.hosts_path.clear();
  Resolver resolver{stage.reactor(), options};
  Once number{stage, "the lookup of a number"};
  Once wrong{stage, "the lookup of an invalid name"};
  Once local{stage, "the lookup of localhost"};
  Once many{stage, "one lookup too many"};
  bool found = false;
  const auto a = resolver.resolve("127.0.0.1", 1, [&](auto result) {
    number.end();
    found = result.has_value();
    if (!result) stage.report(result.error());
  });
  number.begin();
  const auto b = resolver.resolve("not a name", 1, [&](auto result) {
    wrong.end();
    if (result) stage.fault("found an invalid name");
    if (!result) stage.report(result.error());
  });
  wrong.begin();
  const auto c = resolver.resolve("localhost", 1, [&](auto result) {
    local.end();
    if (!result) stage.report(result.error());
  });
  local.begin();
  const auto d = resolver.resolve("127.0.0.1", 1, [&](auto) { many.end(); }, AddressFamily::ipv6);
  many.begin();
  auto gone = resolver.resolve("127.0.0.1", 1, [&](auto) { stage.fault("called after cancel"); });
  gone.cancel();
  stage.run();
  stage.succeed_if(found);
}

/// A race between addresses of which one answers, with sockets that are prepared.
void race(Stage& stage) {
  auto server = serve<Echo>(stage.reactor(), "127.0.0.1:0", patient_server);
  if (!server) return stage.report(server.error());
  Once connected{stage, "the race"};
  bool won = false;
  ConnectorOptions options;
  options.timeout = 5s;
  options.stagger = 10ms;
  options.source = Endpoint::loopback(0);
  options.prepare = [](Socket& socket, const Endpoint&) {
    return socket.set(SocketOption::nodelay, 1);
  };
  std::vector<Endpoint> peers{Endpoint::loopback(0, AddressFamily::ipv6).with_port(1),
                              Endpoint::loopback(1), server->local_endpoint()};
  Connector connector{stage.reactor(), std::move(peers),
                      [&](Result<Socket> result) {
                        connected.end();
                        won = result.has_value();
                        if (!result) stage.report(result.error());
                        server->abort();
                      },
                      std::move(options)};
  connected.begin();
  stage.run();
  stage.succeed_if(won);
}

/// A client that is rejected reconnects until it is accepted.
void reconnect(Stage& stage) {
  auto server = serve<Echo>(stage.reactor(), "127.0.0.1:0", patient_server);
  if (!server) return stage.report(server.error());
  int calls = 0;
  server->accept_if([&](const Endpoint&) { return ++calls > 2; });
  struct Comes final : StreamHandler {
    Comes(Stage& owner, Result<Server>& from) : stage(owner), server_(from) {}
    void on_open(Stream& stream) override { stream.write("hello"); }
    void on_data(Stream&, Bytes) override {
      ++served;
      client->stop();
      server_->abort();
    }
    void on_close(Stream&, const Close& why) override {
      if (served == 0) stage.report(why);
    }
    Stage& stage;
    Result<Server>& server_;
    std::optional<Reconnector> client;
    int served = 0;
  } handler{stage, server};
  const ReconnectOptions options{.connect = patient_client, .backoff = {.max = 1s}};
  handler.client.emplace(stage.reactor(), server->local_endpoint().to_string(), handler, options);
  Timer enough{stage.reactor(), [&] {
                 handler.client->stop();
                 server->abort();
               }};
  enough.unref();
  enough.arm_after(1min);
  stage.run();
  stage.succeed_if(handler.served == 1);
  if (handler.served != 1 && stage.injector().planned().way.call == Call::allocate)
    stage.fault("a reconnecting client is never served");
}

constexpr Scenario scenarios[] = {
    {"refused", refused},
    {"written_early", written_early},
    {"by_name", by_name, Where::simulated},
    {"no_such_name", no_such_name, Where::simulated},
    {"by_dns", by_dns, Where::real},
    {"lookups", lookups},
    {"race", race},
    {"reconnect", reconnect},
};

}  // namespace

std::span<const Scenario> connect_scenarios() noexcept { return scenarios; }

}  // namespace rondo::test
