// SPDX-License-Identifier: MIT
// For the tests of DatagramSocket: a reactor on each backend, a Net whose calls can fail, and a
// handler that keeps what is reported to it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/datagram.h>

#include "support/failing_net.h"
#include "support/on_every_backend.h"
#include "support/run_until.h"
#include "support/text_of.h"

namespace rondo::test {

struct KeptDatagram {
  std::string data;
  Endpoint from;
  MessageInfo info;
  bool truncated;
  std::size_t size;
};

/// Keeps everything, and then calls what the test has set.
class KeepingHandler final : public DatagramHandler {
 public:
  void on_datagrams(DatagramSocket& socket, std::span<const Datagram> received) override {
    batches.push_back(received.size());
    for (const Datagram& one : received) {
      datagrams.push_back({text_of(one.data), one.from, one.info, one.truncated, one.size});
    }
    if (then) then(socket, received);
  }
  void on_error(DatagramSocket& socket, std::error_code error, const Endpoint* to) override {
    errors.push_back(error);
    failed_to.push_back(to != nullptr ? to->to_string() : "");
    if (then_on_error) then_on_error(socket);
  }
  void on_end(DatagramSocket& socket) override {
    ++ends;
    if (then_on_end) then_on_end(socket);
  }

  [[nodiscard]] std::string texts() const {
    std::string all;
    for (const KeptDatagram& one : datagrams) all += one.data + ' ';
    return all;
  }

  std::vector<std::size_t> batches;
  std::vector<KeptDatagram> datagrams;
  std::vector<std::error_code> errors;
  std::vector<std::string> failed_to;
  int ends = 0;
  std::function<void(DatagramSocket&, std::span<const Datagram>)> then;
  std::function<void(DatagramSocket&)> then_on_error;
  std::function<void(DatagramSocket&)> then_on_end;
};

/// Replies with what has arrived.
inline void echo(DatagramSocket& socket, std::span<const Datagram> received) {
  for (const Datagram& one : received) socket.reply(one, one.data);
}

class DatagramFixture : public ReactorOnEveryBackend {
 protected:
  DatagramFixture() { spy.use_net(&net); }

  DatagramSocket bound(DatagramHandler& handler, const DatagramOptions& options = {},
                       const Endpoint& local = Endpoint::loopback(0)) {
    auto made = DatagramSocket::make(reactor, local, handler, options);
    if (!made) throw std::runtime_error{made.error().message()};
    return std::move(*made);
  }
  DatagramSocket connected(DatagramHandler& handler, const Endpoint& peer,
                           const DatagramOptions& options = {}) {
    auto made = DatagramSocket::connect(reactor, peer, handler, options);
    if (!made) throw std::runtime_error{made.error().message()};
    return std::move(*made);
  }
  /// A connected pair of the Unix family.
  std::pair<DatagramSocket, DatagramSocket> adopted_pair(SocketType type, DatagramHandler& a,
                                                         DatagramHandler& b,
                                                         const DatagramOptions& options = {}) {
    auto sockets = Socket::pair(net, type).value();
    auto first = DatagramSocket::adopt(reactor, std::move(sockets[0]), a, options);
    auto second = DatagramSocket::adopt(reactor, std::move(sockets[1]), b, options);
    if (!first || !second) throw std::runtime_error{"adopt"};
    return {std::move(*first), std::move(*second)};
  }
  template <typename Done>
  void run(Done done) {
    EXPECT_TRUE(run_until(reactor, done));
  }
  /// Runs until `handler` has received `count` datagrams.
  void run_until_received(const KeepingHandler& handler, std::size_t count) {
    run([&] { return handler.datagrams.size() >= count; });
    EXPECT_EQ(handler.datagrams.size(), count);
  }

  FailingNet net{spy.inner().net()};
  KeepingHandler here;
  KeepingHandler there;
};

}  // namespace rondo::test
