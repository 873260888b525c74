// SPDX-License-Identifier: MIT
// Servers and their clients.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "inject/parts.h"
#include "inject/scenarios.h"

namespace rondo::test {
namespace {

const ServerOptions patient_server{.stream = patient};
const ConnectOptions patient_client{.timeout = 5s, .stream = patient};

void talk_at(Stage& stage, std::string_view where) {
  auto server = serve<Echo>(stage.reactor(), where, patient_server);
  if (!server) return stage.report(server.error());
  Client client{stage, "hello"};
  client.handler.then = [&] { server->abort(); };
  client.connect(stage, server->local_endpoint().to_string(), patient_client);
  stage.run();
  stage.succeed_if(client.is_content());
}

void echo_tcp(Stage& stage) { talk_at(stage, "127.0.0.1:0"); }
void echo_ipv6(Stage& stage) { talk_at(stage, "[::1]:0"); }
void echo_unix(Stage& stage) { talk_at(stage, Stage::unix_path()); }

/// Sets every option.
void options(Stage& stage) {
  SocketOptions socket{.nodelay = true,
                       .keep_alive = KeepAlive{30s, 10s, 3},
                       .reuse_port = true,
                       .receive_buffer = 100'000,
                       .send_buffer = 100'000,
                       .user_timeout = 10s,
                       .notsent_lowat = 50'000,
                       .linger = std::chrono::seconds{-1}};
  ServerOptions of_server = patient_server;
  of_server.socket = socket;
  auto server = serve<Echo>(stage.reactor(), "127.0.0.1:0", of_server);
  if (!server) return stage.report(server.error());
  for (const UnappliedOption& each : server->unapplied()) stage.report(each.error);
  ConnectOptions of_client = patient_client;
  socket.reuse_port = false;
  of_client.socket = socket;
  of_client.source = Endpoint::loopback(0);
  Client client{stage, "hello"};
  client.handler.then = [&] { server->abort(); };
  client.connect(stage, server->local_endpoint().to_string(), of_client);
  stage.run();
  stage.succeed_if(client.is_content());
}

/// A server on two addresses, with a session factory, a filter and limits.
void limits(Stage& stage, WhenFull when_full, std::size_t per_address) {
  struct Made final : Session {
    void on_data(Stream& stream, Bytes data) override { stream.write(data); }
  };
  ServerOptions limited = patient_server;
  limited.connections_max = 1;
  limited.when_full = when_full;
  limited.connections_per_address_max = per_address;
  auto server = serve(
      stage.reactor(), "127.0.0.1:0",
      [](Stream&, const Endpoint&) { return std::make_unique<Made>(); }, limited);
  if (!server) return stage.report(server.error());
  const auto more = server->listen("127.0.0.1:0");
  if (!more) stage.report(more.error());
  int calls = 0;
  server->accept_if([&](const Endpoint&) { return ++calls > 0; });
  server->set_error_handler(
      [&](const std::exception_ptr&) { stage.report(std::error_code{1, std::system_category()}); });
  Client first{stage, "hello"};
  Client second{stage, "how are you"};
  const auto ended = [&] {
    if (first.handler.closed.has_ended() && second.handler.closed.has_ended()) server->abort();
  };
  first.handler.then = ended;
  second.handler.then = ended;
  first.connect(stage, server->local_endpoints().front().to_string(), patient_client);
  second.connect(stage, server->local_endpoints().back().to_string(), patient_client);
  stage.run();
  const bool sheds = when_full == WhenFull::reject;
  stage.succeed_if(sheds ? first.is_content() || second.is_content()
                         : first.is_content() && second.is_content());
}

void limit_that_pauses(Stage& stage) { limits(stage, WhenFull::pause, unlimited); }
void limit_that_sheds(Stage& stage) { limits(stage, WhenFull::reject, unlimited); }
void limit_of_an_address(Stage& stage) { limits(stage, WhenFull::pause, 5); }

/// Drains: one session closes by itself, another never does.
void drain(Stage& stage) {
  struct Polite final : Session {
    void on_data(Stream&, Bytes) override {}
    void on_drain(Stream& client) override {
      client.write("bye");
      client.shutdown_output();
    }
    void on_end(Stream&) override {}
  };
  auto server = serve<Polite>(stage.reactor(), "127.0.0.1:0", patient_server);
  if (!server) return stage.report(server.error());
  Listener quick{stage, "the leaving client", 3};
  struct Stays final : Listener {
    using Listener::Listener;
    void on_end(Stream&) override {}
  } slow{stage, "the staying client", 3};
  slow.wanted = CloseReason::reset;
  const auto connect_to = [&](Listener& handler) {
    auto stream =
        connect(stage.reactor(), server->local_endpoint().to_string(), handler, patient_client);
    handler.closed.begin();
    return stream;
  };
  const auto first = connect_to(quick);
  const auto second = connect_to(slow);
  Once drained{stage, "the drain"};
  const auto begin = [&] { server->drain(100ms, [&] { drained.end(); }); };
  Timer later{stage.reactor(), [&] {
                try {
                  begin();
                } catch (const std::bad_alloc&) {
                  begin();
                }
                drained.begin();
              }};
  later.arm_after(50ms);
  stage.run();
  stage.succeed_if(quick.is_content && slow.closed.has_ended());
}

/// A session destroys its server.
void destroyed_inside(Stage& stage) {
  struct Ends final : Session {
    explicit Ends(std::optional<Server>& owner) : server(owner) {}
    void on_data(Stream&, Bytes) override { server.reset(); }
    std::optional<Server>& server;
  };
  std::optional<Server> server;
  auto made = serve<Ends>(stage.reactor(), "127.0.0.1:0", patient_server, server);
  if (!made) return stage.report(made.error());
  server.emplace(std::move(*made));
  Client client{stage, "hello"};
  client.handler.then = [&] { server.reset(); };
  client.connect(stage, server->local_endpoint().to_string(), patient_client);
  stage.run();
  stage.succeed_if(client.handler.closed.has_ended());
}

/// The factory of a session closes the connection, destroys the server, or throws.
template <typename Ends>
void factory_that(Stage& stage, Ends ends) {
  struct Made final : Session {
    explicit Made(int& count) : alive(++count) {}
    ~Made() override { --alive; }
    void on_data(Stream&, Bytes) override {}
    int& alive;
  };
  int alive = 0;
  std::optional<Server> server;
  auto made = serve(
      stage.reactor(), "127.0.0.1:0",
      [&, ends](Stream& client, const Endpoint&) -> std::unique_ptr<Session> {
        auto session = std::make_unique<Made>(alive);
        ends(client, server);
        return session;
      },
      patient_server);
  if (!made) return stage.report(made.error());
  server.emplace(std::move(*made));
  Client client{stage, "hello"};
  client.handler.then = [&] { server.reset(); };
  client.connect(stage, server->local_endpoint().to_string(), patient_client);
  stage.run();
  if (alive != 0) stage.fault("sessions are left");
  stage.succeed_if(client.handler.closed.has_ended());
}

void factory_that_aborts(Stage& stage) {
  factory_that(stage, [](Stream& client, auto&) { client.abort(); });
}
void factory_that_ends_the_server(Stage& stage) {
  factory_that(stage, [](Stream&, auto& server) { server.reset(); });
}
void factory_that_ends_both(Stage& stage) {
  factory_that(stage, [](Stream& client, auto& server) {
    client.abort();
    server.reset();
  });
}

/// A server that answers lines.
void lines(Stage& stage) {
  struct Shouts final : LineSession {
    void on_line(TextStream& client, std::string_view line) override {
      client.write("<");
      client.write_line(line);
    }
  };
  auto server = serve<Shouts>(stage.reactor(), "127.0.0.1:0", patient_server);
  if (!server) return stage.report(server.error());
  struct Says final : Listener {
    using Listener::Listener;
    void on_open(Stream& stream) override { stream.write("one\r\ntw\xc3\xb6\rthree\n"); }
  } handler{stage, "the client's stream", 18};
  handler.then = [&] { server->abort(); };
  const auto stream =
      connect(stage.reactor(), server->local_endpoint().to_string(), handler, patient_client);
  handler.closed.begin();
  stage.run();
  stage.succeed_if(handler.is_content);
}

constexpr Scenario scenarios[] = {
    {"echo_tcp", echo_tcp},
    {"echo_ipv6", echo_ipv6},
    {"echo_unix", echo_unix},
    {"options", options},
    {"limit_that_pauses", limit_that_pauses},
    {"limit_that_sheds", limit_that_sheds},
    {"limit_of_an_address", limit_of_an_address},
    {"drain", drain},
    {"destroyed_inside", destroyed_inside},
    {"factory_that_aborts", factory_that_aborts},
    {"factory_that_ends_the_server", factory_that_ends_the_server},
    {"factory_that_ends_both", factory_that_ends_both},
    {"lines", lines},
};

}  // namespace

std::span<const Scenario> server_scenarios() noexcept { return scenarios; }

}  // namespace rondo::test
