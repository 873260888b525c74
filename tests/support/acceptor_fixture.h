// SPDX-License-Identifier: MIT
// What the tests of Acceptor share: a reactor in virtual time, a Net whose calls can fail, and
// clients of the Unix family, which are connected when connect() returns.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <rondo/acceptor.h>
#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "support/descriptor_census.h"
#include "support/failing_net.h"
#include "support/jumping_backend.h"

namespace rondo::test {

class AcceptorFixture : public DescriptorCensus {
 protected:
  AcceptorFixture() {
    auto backend = std::make_unique<JumpingBackend>(net_);
    backend_ = backend.get();
    reactor_.emplace(std::unique_ptr<Backend>{std::move(backend)});
  }

  Acceptor listening(Acceptor::OnAccept on_accept, const AcceptLimits& pace = {}) {
    static int count = 0;
    const std::string name =
        "unix:@rondo-acceptor-" + std::to_string(::getpid()) + '-' + std::to_string(++count);
    auto made = Acceptor::make(*reactor_, Endpoint::parse(name).value(), std::move(on_accept),
                               {.accept_limits = pace});
    if (!made) throw std::runtime_error{made.error().message()};
    return std::move(*made);
  }
  Acceptor collecting(const AcceptLimits& pace = {}) {
    return listening([this](Socket client, const Endpoint&) { add(std::move(client)); }, pace);
  }
  void add(Socket client) { accepted_.push_back(std::move(client)); }

  void connect(const Acceptor& acceptor, int count = 1) {
    for (; count > 0; --count) {
      auto client = Socket::connect(system_net(), acceptor.local_endpoint());
      ASSERT_TRUE(client) << client.error().message();
      clients_.push_back(std::move(*client));
    }
  }
  /// One turn, which does not wait.
  void turn() { EXPECT_TRUE(reactor_->run_once(Duration::zero())); }
  void turns(int count) {
    for (; count > 0; --count) turn();
  }
  /// Runs for so much virtual time. Returns how often the loop woke up.
  int waits_in(Duration duration) {
    backend_->waits = 0;
    Timer end{*reactor_, [this] { reactor_->stop(); }};
    end.arm_after(duration);
    EXPECT_TRUE(reactor_->run());
    return backend_->waits;
  }
  static bool is_closed_by_the_server(Socket& client) {
    std::array<std::byte, 1> room;
    const auto result = client.read(room);
    return result && *result == 0;
  }

  FailingNet net_{system_net()};
  JumpingBackend* backend_ = nullptr;
  std::optional<Reactor> reactor_;
  std::vector<Socket> accepted_;
  std::vector<Socket> clients_;
};

}  // namespace rondo::test
