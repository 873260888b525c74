// SPDX-License-Identifier: MIT
// What the tests of servers share: clients that the test holds, on each backend.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include <rondo/server.h>

#include "support/stream_fixture.h"

namespace rondo::test {

class ServersOnEveryBackend : public StreamsOnEveryBackend {
 protected:
  static auto echo() {
    return [](Stream& client, Bytes data) { client.write(data); };
  }
  /// For a client that the test holds, and does not close.
  static ServerOptions without_lingering() {
    return {.stream = {.lingering_close = LingeringClose::off}};
  }
  static std::string unix_name() {
    static int count = 0;
    return "unix:/tmp/rondo-server-" + std::to_string(::getpid()) + '-' + std::to_string(++count);
  }
  Fd connect(const Endpoint& where) {
    auto socket = Socket::connect(kernel().net(), where);
    EXPECT_TRUE(socket) << socket.error().message();
    return socket ? Fd{socket->release()} : Fd{};
  }
  std::vector<Fd> connect(const Server& server, std::size_t count) {
    std::vector<Fd> clients;
    for (; count > 0; --count) clients.push_back(connect(server.local_endpoint()));
    return clients;
  }
  bool has(const Server& server, std::size_t connections) {
    return runs_until([&] { return server.connections() == connections; });
  }
  /// Whether a client is served.
  bool echoes(const Fd& client) {
    EXPECT_TRUE(runs_until([&] { return read_result(client.get()) != -ENOTCONN; }));
    write_all(client.get(), "ping");
    return read_by_peer(client, 4) == "ping";
  }
  bool is_closed(const Fd& client) {
    long result = -EAGAIN;
    return runs_until([&] {
             result = read_result(client.get());
             return result != -EAGAIN && result != -ENOTCONN;
           }) &&
           result <= 0;
  }
};

}  // namespace rondo::test
