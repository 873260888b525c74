// What the tests of connecting share: listeners on loopback, some of which accept no connection.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <rondo/connector.h>
#include <rondo/socket.h>

#include "support/kernel.h"

namespace rondo::test {

inline Endpoint at(const std::string& text) { return Endpoint::parse(text).value(); }

inline Socket listen(const Endpoint& local, int backlog = 16) {
  return Socket::listen(kernel().net(), local, {.backlog = backlog}).value();
}

/// A listener with a full queue: a connect to it is in progress for ever.
struct FullListener {
  explicit FullListener(const Endpoint& address)
      : listener(listen(address, 0)), local(listener.local_endpoint().value()) {
    while (!stuck) {
      Socket client = Socket::connect(kernel().net(), local).value();
      // On loopback a connect that can succeed has succeeded when the call returns.
      stuck = client.connect_result() == std::errc::operation_in_progress;
      clients.push_back(std::move(client));
    }
  }

  Socket listener;
  Endpoint local;
  bool stuck = false;
  std::vector<Socket> clients;
};

/// A port on which no process listens, and which the system gives to none: it is only bound.
struct ClosedPort {
  explicit ClosedPort(const Endpoint& address)
      : socket(Socket::make(kernel().net(), address.family(), SocketType::stream).value()) {
    EXPECT_EQ(kernel().net().bind(socket.fd(), address), 0);
    local = socket.local_endpoint().value();
  }

  Socket socket;
  Endpoint local;
};

/// How a connector ended.
struct Outcome {
  int calls = 0;
  std::optional<Result<Socket>> result;

  Connector::Callback keeper() {
    return [this](auto ended) {
      ++calls;
      result.emplace(std::move(ended));
    };
  }
  [[nodiscard]] bool connected() const { return result && result->has_value(); }
  /// The peer, or the error's message.
  [[nodiscard]] std::string text() const {
    if (!result) return "no result";
    return *result ? (*result)->remote_endpoint().value().to_string() : result->error().message();
  }
  [[nodiscard]] std::error_code error() const {
    return result && !*result ? result->error().code : std::error_code{};
  }
};

}  // namespace rondo::test
