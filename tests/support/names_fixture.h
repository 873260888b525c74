// SPDX-License-Identifier: MIT
// For the tests of names, on any reactor: a name server, no hosts and no search domains.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <rondo/resolver.h>

#include "support/name_server.h"
#include "support/temporary_file.h"

namespace rondo::test {

/// How a lookup ended.
struct Ending {
  int calls = 0;
  std::optional<Result<std::vector<Endpoint>>> result;

  Resolver::Callback keeper() {
    return [this](auto ended) {
      ++calls;
      result.emplace(std::move(ended));
    };
  }
  /// The addresses, or the error's message.
  [[nodiscard]] std::vector<std::string> texts() const {
    if (!result) return {"no result"};
    if (!*result) return {result->error().message()};
    std::vector<std::string> texts;
    for (const Endpoint& address : **result) texts.push_back(address.to_string());
    return texts;
  }
  [[nodiscard]] std::error_code error() const {
    return result && !*result ? result->error().code : std::error_code{};
  }
};

class Names {
 public:
  explicit Names(Reactor& reactor) : server(reactor), reactor_(reactor) {}

  [[nodiscard]] ResolverOptions options() const {
    ResolverOptions options;
    options.name_servers = {server.endpoint()};
    options.hosts_path = hosts.path();
    options.config_path = config.path();
    return options;
  }
  /// Resolves `host` and runs until it has ended.
  Ending look_up(Resolver& resolver, const std::string& host, std::uint16_t port = 80,
                 std::optional<AddressFamily> family = {}) {
    Ending ending;
    const Lookup lookup = resolver.resolve(host, port, ending.keeper(), family);
    EXPECT_EQ(ending.calls, 0) << "from inside the call";
    EXPECT_TRUE(reactor_.run());
    EXPECT_EQ(ending.calls, 1);
    EXPECT_FALSE(lookup);
    return ending;
  }
  Ending look_up(const std::string& host, std::uint16_t port = 80,
                 std::optional<AddressFamily> family = {}) {
    Resolver resolver{reactor_, options()};
    return look_up(resolver, host, port, family);
  }

  TemporaryFile hosts;
  TemporaryFile config{"search .\n"};
  NameServer server;

 private:
  Reactor& reactor_;
};

}  // namespace rondo::test
