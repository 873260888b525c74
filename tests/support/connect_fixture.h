// SPDX-License-Identifier: MIT
// What the tests of connecting share: listeners on loopback, some of which accept no connection.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
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

inline std::uint16_t port_of(const Socket& socket) {
  return socket.local_endpoint().value().port();
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

inline std::uint16_t port_of(const FullListener& full) { return full.local.port(); }
inline std::uint16_t port_of(const ClosedPort& closed) { return closed.local.port(); }

/// Calls `make`, which takes a port that the system chooses, until no other program has the same
/// port at one of the other addresses (IP addresses as a target has them).
template <typename Make>
auto make_with_port_free_at(const std::vector<std::string>& addresses, Make make) {
  while (true) {
    auto made = make();
    const std::string port = ':' + std::to_string(port_of(made));
    const auto is_free = [&](const std::string& address) {
      const Endpoint local = at(address + port);
      const Socket probe = Socket::make(kernel().net(), local.family(), SocketType::stream).value();
      return kernel().net().bind(probe.fd(), local) == 0;
    };
    if (std::ranges::all_of(addresses, is_free)) return made;
  }
}

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
