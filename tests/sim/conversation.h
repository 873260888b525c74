// SPDX-License-Identifier: MIT
// An echo server and a client, for the tests of the simulated network.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <rondo/rondo.h>
#include <rondo/sim.h>

namespace rondo::sim {

struct Echo final : Session {
  void on_data(Stream& client, Bytes data) override { client.write(data); }
};

/// Keeps the received data and the reason of the end.
struct Listener final : StreamHandler {
  /// Shuts its output down after this number of received bytes; 0: never.
  explicit Listener(std::size_t bytes = 0) : finish_at(bytes) {}
  void on_open(Stream&) override { opened = true; }
  void on_data(Stream& stream, Bytes data) override {
    heard.append(reinterpret_cast<const char*>(data.data()), data.size());
    if (finish_at != 0 && heard.size() >= finish_at) stream.shutdown_output();
  }
  void on_end(Stream& stream) override {
    ended = true;
    stream.close();
  }
  void on_close(Stream&, const Close& close) override {
    ++closes;
    reason = close.reason;
    message = close.message();
  }

  std::size_t finish_at;
  std::string heard;
  std::string message;
  bool opened = false;
  bool ended = false;
  int closes = 0;
  std::optional<CloseReason> reason;
};

/// A world with a server on 10.0.0.1 and a reactor for clients on 10.0.0.2.
class Conversation : public testing::Test {
 protected:
  explicit Conversation(std::uint64_t seed = 1, const WorldOptions& options = {})
      : world(seed, options) {}

  Result<Server> serve_echo(const ServerOptions& options = {}) {
    return serve<Echo>(server, "10.0.0.1:7000", options);
  }
  std::unique_ptr<Stream> talk(Listener& listener, std::string_view target = "10.0.0.1:7000",
                               const ConnectOptions& options = {}) {
    return connect(client, target, listener, options);
  }

  World world;
  Host& server_host = world.host("10.0.0.1");
  Host& client_host = world.host("10.0.0.2");
  Reactor server{server_host.backend()};
  Reactor client{client_host.backend()};
};

}  // namespace rondo::sim
