// SPDX-License-Identifier: MIT
// What debug builds say about the use of an empty object, and about destruction in the wrong order.
// It is not part of the conformance suite, because that also runs on an installed library, which
// may have been built without assertions.
#ifndef NDEBUG
#include <gtest/gtest.h>

#include <signal.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <rondo/rondo.h>

#include "unit/misuse.h"

namespace rondo::test {
namespace {

TEST(EmptyObjectDeathTest, IsReported) {
  World world;
  const std::vector<NamedCall> calls{
      {"Watch::set", [](World&) { Watch{}.set(Ready::read); }},
      {"Watch::set_handler", [](World& w) { Watch{}.set_handler(w.handler); }},
      {"Watch::ref", [](World&) { Watch{}.ref(); }},
      {"Watch::unref", [](World&) { Watch{}.unref(); }},
      {"Timer::arm_at",
       [](World& w) {
         const Timer moved = std::move(*w.timer);
         w.timer->arm_at(TimePoint{});
       }},
      {"Signal::number",
       [](World& w) {
         const Signal moved = std::move(*w.signal);
         drop(w.signal->number());
       }},
      {"Server::connections",
       [](World& w) {
         const Server moved = std::move(*w.server);
         drop(w.server->connections());
       }},
      {"Acceptor::pause",
       [](World& w) {
         const Acceptor moved = std::move(*w.acceptor);
         w.acceptor->pause();
       }},
      {"DatagramSocket::send",
       [](World& w) {
         const DatagramSocket moved = std::move(*w.datagrams);
         w.datagrams->send(Bytes{});
       }},
      {"Resolver::resolve",
       [](World& w) {
         const Resolver moved = std::move(*w.resolver);
         drop(w.resolver->resolve("a", 1, [](const auto&) {}));
       }},
  };
  for (const NamedCall& call : calls) {
    EXPECT_DEATH(call.make(world),
                 "rondo: " + std::string{call.name} + " was called on an object that is empty");
  }
  EXPECT_DEATH(Function<void()>{}(), "rondo: an empty Function was called");
}

TEST(EmptySocketDeathTest, IsReported) {
  World world;
  std::array<std::byte, 1> byte{};
  MutableBytes part{byte};
  const Bytes sent{byte};
  const std::vector<NamedCall> calls{
      {"read", [&](World&) { drop(Socket{}.read(byte)); }},
      {"readv", [&](World&) { drop(Socket{}.readv({&part, 1})); }},
      {"write", [&](World&) { drop(Socket{}.write(byte)); }},
      {"writev", [&](World&) { drop(Socket{}.writev({&sent, 1})); }},
      {"accept", [](World&) { drop(Socket{}.accept()); }},
      {"connect_result", [](World&) { drop(Socket{}.connect_result()); }},
      {"is_self_connected", [](World&) { drop(Socket{}.is_self_connected()); }},
      {"shutdown", [](World&) { drop(Socket{}.shutdown(Direction::write)); }},
      {"set", [](World&) { drop(Socket{}.set(SocketOption::nodelay, 1)); }},
      {"get", [](World&) { drop(Socket{}.get(SocketOption::nodelay)); }},
      {"set_option", [](World&) { drop(Socket{}.set_option(1, 1, 1)); }},
      {"option", [](World&) { drop(Socket{}.option(1, 1)); }},
      {"local_endpoint", [](World&) { drop(Socket{}.local_endpoint()); }},
      {"remote_endpoint", [](World&) { drop(Socket{}.remote_endpoint()); }},
      {"peer_credentials", [](World&) { drop(Socket{}.peer_credentials()); }},
  };
  for (const NamedCall& call : calls) {
    EXPECT_DEATH(call.make(world), "rondo: Socket::" + std::string{call.name} +
                                       " was called on a Socket that is empty, because it was "
                                       "made without a descriptor. Move one to it");
  }
  Socket moved;
  moved = Socket{};
  EXPECT_DEATH(drop(moved.local_endpoint()), "rondo: Socket::local_endpoint");
  moved.close();  // these need no descriptor
  moved.reset();
  EXPECT_EQ(moved.fd(), -1);
  EXPECT_EQ(moved.release(), -1);
}

TEST(EmptySocketDeathTest, IsReportedAsAnArgument) {
  World world;
  Socket empty;
  std::array<std::byte, 1> byte{};
  const std::vector<NamedCall> calls{
      {"Stream::adopt",
       [](World& w) { drop(Stream::adopt(w.reactor, Socket{}, w.nothing).has_value()); }},
      {"Stream::adopt",
       [](World& w) { drop(TextStream::adopt(w.reactor, Socket{}, w.nothing).has_value()); }},
      {"Acceptor::adopt",
       [](World& w) {
         drop(Acceptor::adopt(w.reactor, Socket{}, [](Socket, const Endpoint&) {}).has_value());
       }},
      {"Server::adopt", [](World& w) { drop(w.server->adopt(Socket{})); }},
      {"DatagramSocket::adopt",
       [](World& w) { drop(DatagramSocket::adopt(w.reactor, Socket{}, w.nothing).has_value()); }},
      {"send_descriptors", [&](World&) { drop(send_descriptors(empty, byte, {})); }},
      {"receive_with_descriptors",
       [&](World&) { drop(receive_with_descriptors(empty, byte).has_value()); }},
  };
  for (const NamedCall& call : calls) {
    EXPECT_DEATH(call.make(world), "rondo: " + std::string{call.name} +
                                       " was called with a Socket that is empty, because it was "
                                       "made without a descriptor. Move one to it");
  }
}

TEST(MissingStreamDeathTest, IsReported) {
  World world;
  EXPECT_DEATH(Stream::close_detached(nullptr),
               "rondo: Stream::close_detached was called without a stream: the pointer is null");
  EXPECT_DEATH(drop(TextStream::adopt(world.process->take_output(), world.nothing)),
               "rondo: TextStream::adopt was called without a stream: the pointer is null. "
               "take_output.. of a Process returns a stream only if .* Redirect::pipe");
}

TEST(ServerThatDoesNotListenDeathTest, IsReportedWhenItsAddressIsAsked) {
  World world;
  EXPECT_DEATH(drop(world.server->local_endpoint()),
               "rondo: Server::local_endpoint was called on a server that does not listen. Call "
               "listen.. or adopt.. first");
}

/// Makes an object that outlives its reactor.
template <typename Make>
void outlive(Make make) {
  auto reactor = std::make_unique<Reactor>();
  [[maybe_unused]] const auto object = make(*reactor);
  reactor.reset();
}

TEST(WrongOrderDeathTest, IsReportedWhenTheReactorIsDestroyedFirst) {
  Nothing nothing;
  RecordingHandler handler;
  const std::array<Socket, 2> pair = Socket::pair(system_net(), SocketType::stream).value();
  EXPECT_DEATH(outlive([](Reactor& reactor) { return std::make_unique<Timer>(reactor, [] {}); }),
               "rondo: a Reactor was destroyed before a Timer of it.*Destroy it first: declare it");
  EXPECT_DEATH(outlive([](Reactor& reactor) { return std::make_unique<Resolver>(reactor); }),
               "rondo: a Reactor was destroyed before a Timer of it.*Resolver");
  EXPECT_DEATH(outlive([&](Reactor& reactor) {
                 return reactor.watch(pair[0].fd(), Ready::read, handler).value();
               }),
               "rondo: a Reactor was destroyed before what watches a descriptor");
  EXPECT_DEATH(outlive([&](Reactor& reactor) { return connect(reactor, "[::1]:1", nothing); }),
               "rondo: a Reactor was destroyed before a Stream of it, or a Server");
  EXPECT_DEATH(outlive([&](Reactor& reactor) {
                 auto stream = connect(reactor, "not a target", nothing);
                 drop(reactor.run());
                 return stream;
               }),
               "rondo: a Reactor was destroyed before a Stream of it")
      << "one that has ended";
  EXPECT_DEATH(outlive([&](Reactor& reactor) {
                 return serve(reactor, "127.0.0.1:0", [](Stream&, Bytes) {}).value();
               }),
               "rondo: a Reactor was destroyed before what watches a descriptor.*Server");
  EXPECT_DEATH(outlive([&](Reactor& reactor) {
                 return DatagramSocket::make(reactor, Endpoint::loopback(0), nothing).value();
               }),
               "rondo: a Reactor was destroyed before what watches .*DatagramSocket");
  EXPECT_DEATH(outlive([](Reactor& reactor) { return Signal{reactor, SIGUSR1, [] {}}; }),
               "rondo: a Reactor was destroyed before a Signal of it");
  EXPECT_DEATH(outlive([](Reactor& reactor) { return reactor.work_guard(); }),
               "rondo: a Reactor was destroyed before a WorkGuard of it");
  EXPECT_DEATH(outlive([](Reactor& reactor) {
                 return Process::start(reactor, {"true"}, [](const ExitStatus&) {}).value();
               }),
               "rondo: a Reactor was destroyed before a Process of it");
  EXPECT_DEATH(outlive([](Reactor& reactor) { return BeforeWait{reactor, [] {}}; }),
               "rondo: a Reactor was destroyed before a BeforeWait of it");
}

TEST(WrongOrderDeathTest, IsReportedWhenTheReactorIsDestroyedWhileItRuns) {
  auto reactor = std::make_unique<Reactor>();
  reactor->defer([&] { reactor.reset(); });
  EXPECT_DEATH(drop(reactor->run()), "rondo: a Reactor was destroyed while it runs. Call stop");
}

TEST(WrongOrderDeathTest, IsReportedWhenASocketIsClosedBeforeItsWatch) {
  // A forked child may close what its parent watches, so the test starts a program of its own.
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  World world;
  EXPECT_DEATH(world.pair[0].close(),
               "rondo: a Socket was closed while a Watch of its descriptor exists. End the Watch");
  EXPECT_DEATH(world.pair[0].reset(), "rondo: a Socket was closed while a Watch");
  EXPECT_DEATH(world.pair[0] = Socket{}, "rondo: a Socket was closed while a Watch");
  world.watch->cancel();
  world.pair[0].close();
}

}  // namespace
}  // namespace rondo::test
#endif
