// SPDX-License-Identifier: MIT
// Datagrams: batches, groups, Unix sockets, and a sender that has to wait.
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "inject/parts.h"
#include "inject/scenarios.h"

namespace rondo::test {
namespace {

Bytes bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span{text}); }

struct Replies final : DatagramHandler {
  explicit Replies(Stage& on) : stage(on) {}
  void on_datagrams(DatagramSocket& socket, std::span<const Datagram> received) override {
    for (const Datagram& each : received) socket.reply(each, each.data);
  }
  void on_error(DatagramSocket&, std::error_code error, const Endpoint*) override {
    stage.report(error);
  }
  Stage& stage;
};

struct Counts final : DatagramHandler {
  explicit Counts(Stage& on) : stage(on) {}
  void on_datagrams(DatagramSocket&, std::span<const Datagram> received) override {
    count += received.size();
    if (count >= awaited && then) then();
  }
  void on_error(DatagramSocket&, std::error_code error, const Endpoint*) override {
    refused = refused || error == std::errc::connection_refused;
    stage.report(error);
  }
  Stage& stage;
  bool refused = false;
  std::size_t count = 0;
  std::size_t awaited = 0;
  Function<void()> then;
};

/// A burst is sent and echoed.
void burst(Stage& stage, const DatagramOptions& options, std::size_t size) {
  Replies replies{stage};
  auto server = DatagramSocket::make(stage.reactor(), Endpoint::loopback(0), replies, options);
  if (!server) return stage.report(server.error());
  for (const UnappliedOption& each : server->unapplied()) stage.report(each.error);
  const auto where = server->local_endpoint();
  if (!where) return stage.report(where.error());
  Counts counts{stage};
  counts.awaited = size;
  auto client = DatagramSocket::connect(stage.reactor(), *where, counts, options);
  if (!client) return stage.report(client.error());
  for (const UnappliedOption& each : client->unapplied()) stage.report(each.error);
  const auto end = [&] {
    server->unref();
    client->unref();
  };
  counts.then = end;
  Timer enough{stage.reactor(), end};
  enough.unref();
  enough.arm_after(5s);
  for (std::size_t i = 0; i < size; ++i) {
    if (!client->send(bytes_of("a datagram")))
      stage.report(std::make_error_code(std::errc::no_buffer_space));
  }
  stage.run();
  stage.succeed_if(counts.count >= size);
}

void burst_of_datagrams(Stage& stage) { burst(stage, {}, 50); }
void with_all_options(Stage& stage) {
  DatagramOptions options;
  options.broadcast = true;
  options.ttl = 5;
  options.multicast_ttl = 2;
  options.multicast_loop = true;
  options.packet_info = true;
  options.receive_offload = true;
  options.send_offload = true;
  options.datagrams_per_turn_max = 8;
  burst(stage, options, 20);
}

/// No socket receives at the port: the error is reported, and the socket remains usable.
void closed_port(Stage& stage) {
  Counts counts{stage};
  auto socket = DatagramSocket::make(stage.reactor(), Endpoint::loopback(0), counts);
  if (!socket) return stage.report(socket.error());
  if (const auto done = socket->connect_to(Endpoint::loopback(1)); !done)
    stage.report(done.error());
  socket->send(bytes_of("a datagram"));
  const auto group = Endpoint::parse("239.1.2.3:0").value();
  if (const auto done = socket->join(group); !done) stage.report(done.error());
  if (const auto done = socket->leave(group); !done) stage.report(done.error());
  socket->pause();
  socket->resume();
  Timer enough{stage.reactor(), [&] { socket->unref(); }};
  enough.arm_after(100ms);
  stage.run();
  stage.succeed_if(counts.refused);
}

/// More Unix datagrams than the receiver's queue holds.
void unix_queue(Stage& stage) {
  Counts counts{stage};
  auto ends = Socket::pair(stage.net(), SocketType::datagram);
  if (!ends) return stage.report(ends.error());
  auto reader = DatagramSocket::adopt(stage.reactor(), std::move((*ends)[0]), counts);
  if (!reader) return stage.report(reader.error());
  auto writer = DatagramSocket::adopt(stage.reactor(), std::move((*ends)[1]), counts);
  if (!writer) return stage.report(writer.error());
  counts.awaited = 600;
  const auto end = [&] {
    reader->unref();
    writer->unref();
  };
  counts.then = end;
  Timer enough{stage.reactor(), end};
  enough.unref();
  enough.arm_after(5s);
  for (int i = 0; i < 600; ++i) writer->send(bytes_of("a datagram"));
  stage.run();
  stage.succeed_if(counts.count == 600);
}

/// A socket is bound to a path and moved. The user removes the file.
void unix_path(Stage& stage) {
  const Endpoint path = Endpoint::parse(Stage::unix_path()).value();
  Counts counts{stage};
  auto server = DatagramSocket::make(stage.reactor(), path, counts);
  if (!server) return stage.report(server.error());
  struct Removal {
    ~Removal() { Stage::remove_path(); }
  } const removal;
  server.value() = DatagramSocket{std::move(*server)};
  counts.awaited = 1;
  counts.then = [&] { server->unref(); };
  Timer enough{stage.reactor(), [&] { server->unref(); }};
  enough.unref();
  enough.arm_after(5s);
  auto client = DatagramSocket::connect(stage.reactor(), path, counts);
  if (client) {
    client->unref();
    client->send(bytes_of("a datagram"));
  } else {
    stage.report(client.error());
    server->unref();
  }
  stage.run();
  stage.succeed_if(counts.count == 1);
}

constexpr Scenario scenarios[] = {
    {"burst_of_datagrams", burst_of_datagrams},
    {"with_all_options", with_all_options},
    {"closed_port", closed_port},
    {"unix_queue", unix_queue},
    {"unix_path", unix_path},
};

}  // namespace

std::span<const Scenario> datagram_scenarios() noexcept { return scenarios; }

}  // namespace rondo::test
