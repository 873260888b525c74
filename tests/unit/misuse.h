// SPDX-License-Identifier: MIT
// One of each kind of public object, for tests of their misuse.
#pragma once

#include <signal.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <rondo/rondo.h>

#include "support/recording_handler.h"

namespace rondo::test {

/// What a call returns does not matter: it does not return.
template <typename T>
void drop(const T&) {}

struct Nothing final : StreamHandler, TextHandler, DatagramHandler {
  void on_data(Stream&, Bytes) override {}
  void on_datagrams(DatagramSocket&, std::span<const Datagram>) override {}
};

/// One of each kind of object, on one reactor.
struct World {
  Reactor reactor;
  Nothing nothing;
  RecordingHandler handler;
  std::array<Socket, 2> pair = Socket::pair(reactor.net(), SocketType::stream).value();
  std::array<Socket, 2> other = Socket::pair(reactor.net(), SocketType::stream).value();
  std::array<Socket, 2> third = Socket::pair(reactor.net(), SocketType::stream).value();
  std::optional<Watch> watch = reactor.watch(pair[0].fd(), Ready::read, handler).value();
  std::optional<SharedWatch> shared_watch =
      SharedWatch::make(reactor, pair[1].fd(), Ready::read, [](Ready) {}).value();
  std::optional<Timer> timer{std::in_place, reactor, [] {}};
  std::optional<Signal> signal{std::in_place, reactor, SIGUSR1, [] {}};
  std::optional<WorkGuard> guard{reactor.work_guard()};
  std::optional<BeforeWait> hook{std::in_place, reactor, [] {}};
  std::unique_ptr<Stream> stream = Stream::adopt(reactor, std::move(other[0]), nothing).value();
  std::unique_ptr<TextStream> text =
      TextStream::adopt(reactor, std::move(third[0]), nothing).value();
  std::optional<Server> server = Server::make(reactor, session_factory([](Stream&, Bytes) {}));
  std::optional<Acceptor> acceptor =
      Acceptor::make(reactor, Endpoint::loopback(0), [](Socket, const Endpoint&) {}).value();
  std::optional<DatagramSocket> datagrams =
      DatagramSocket::make(reactor, Endpoint::loopback(0), nothing).value();
  std::optional<Resolver> resolver{std::in_place, reactor};
  std::optional<Lookup> lookup = resolver->resolve("localhost", 1, [](const auto&) {});
  std::optional<Connector> connector{std::in_place, reactor, std::vector{Endpoint::loopback(1)},
                                     [](const Result<Socket>&) {}};
  std::optional<Reconnector> reconnector{std::in_place, reactor, "127.0.0.1:1", nothing};
  std::optional<TextReconnector> text_reconnector{std::in_place, reactor, "127.0.0.1:1", nothing};
  std::optional<Process> process =
      Process::start(reactor, {"sleep", "60"}, [](const ExitStatus&) {}).value();
  std::optional<OutputCollector> collector =
      OutputCollector::start(reactor, {"sleep", "60"}, [](const CollectedOutput&) {}).value();
  std::optional<StopOnSignals> stop{std::in_place, reactor};
};

struct NamedCall {
  const char* name;  // as the message has it
  std::function<void(World&)> make;
};

}  // namespace rondo::test
