// SPDX-License-Identifier: MIT
// Tasks that receive datagrams, on each backend.
#include <rondo/datagrams.h>

#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/coroutine.h>

#include "support/datagram_fixture.h"
#include "support/task_end.h"

namespace rondo::test {
namespace {

class AwaitedDatagrams : public DatagramFixture {
 protected:
  /// Receives so many, one await each.
  Task<> receive(Datagrams& socket, int count) {
    for (; count > 0; --count) {
      const auto one = co_await socket.receive();
      texts += one ? std::string{one->text()} + ' ' : "end ";
    }
  }
  void send(std::initializer_list<std::string_view> all, Datagrams& to) {
    if (!sender) sender.emplace(bound(here));
    for (const std::string_view text : all)
      EXPECT_TRUE(sender->send(text, to.socket().local_endpoint().value()));
  }
  Datagrams receiver() { return Datagrams::make(reactor, Endpoint::loopback(0)).value(); }

  std::optional<DatagramSocket> sender;
  std::string texts;
};
RONDO_ON_EVERY_BACKEND(AwaitedDatagrams);

TEST_P(AwaitedDatagrams, ComeInOrderAndCanBeAnswered) {
  Datagrams socket = receiver();
  const auto echo = [&]() -> Task<> {
    while (const auto one = co_await socket.receive()) {
      EXPECT_EQ(one->size, one->data.size());
      EXPECT_FALSE(one->truncated);
      EXPECT_TRUE(socket.reply(*one, one->data));
    }
  };
  TaskGroup group{reactor};
  group.spawn(echo());
  send({"a", "", "bcd"}, socket);
  run_until_received(here, 3);
  EXPECT_EQ(here.texts(), "a  bcd ");
}

TEST_P(AwaitedDatagrams, StayInTheKernelWhileNoTaskWaits) {
  Datagrams socket = receiver();
  send({"a", "b"}, socket);
  run_turns(reactor, 5);
  EXPECT_EQ(socket.socket().counters().received, 0U);
  EXPECT_TRUE(run_task(reactor, receive(socket, 2)));
  EXPECT_EQ(texts, "a b ");
}

// A batch of three: the rest is kept while the task waits for something else.
TEST_P(AwaitedDatagrams, AreKeptWhileTheTaskWaitsForSomethingElse) {
  Datagrams socket = receiver();
  send({"a", "b", "c"}, socket);
  run_turns(reactor, 3);
  const auto body = [&]() -> Task<> {
    co_await receive(socket, 1);
    for (int i = 0; i < 5; ++i) co_await turn();
    EXPECT_EQ(texts, "a ");
    const std::uint64_t received = socket.socket().counters().received;
    send({"d"}, socket);
    for (int i = 0; i < 5; ++i) co_await turn();
    EXPECT_EQ(socket.socket().counters().received, received) << "the socket is paused";
    co_await receive(socket, 3);
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(texts, "a b c d ");
}

TEST_P(AwaitedDatagrams, StayValidUntilTheTaskIsSuspended) {
  Datagrams socket = receiver();
  send({"a", "b", "c"}, socket);
  run_turns(reactor, 3);
  const auto body = [&]() -> Task<> {
    co_await receive(socket, 1);
    co_await turn();  // the others are kept
    const auto b = co_await socket.receive();
    const auto c = co_await socket.receive();
    texts += std::string{b->text()} + std::string{c->text()};
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(texts, "a bc");
}

TEST_P(AwaitedDatagrams, AreNotTakenByOneThatIsCancelled) {
  Datagrams socket = receiver();
  {
    TaskGroup group{reactor};
    group.spawn(receive(socket, 1));
    run_turns(reactor, 2);
  }
  send({"a"}, socket);
  run_turns(reactor, 5);
  EXPECT_EQ(socket.socket().counters().received, 0U);
  EXPECT_TRUE(run_task(reactor, receive(socket, 1)));
  EXPECT_EQ(texts, "a ");
}

TEST_P(AwaitedDatagrams, MayBeDestroyedByTheTaskThatTheyResume) {
  std::optional<Datagrams> socket{receiver()};
  send({"a", "b"}, *socket);
  const auto body = [&]() -> Task<> {
    co_await receive(*socket, 1);
    socket.reset();
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(texts, "a ");
}

TEST_P(AwaitedDatagrams, EndWithThePeer) {
  auto sockets = Socket::pair(net, SocketType::seqpacket);
  if (!sockets) GTEST_SKIP() << sockets.error().message();
  Datagrams socket = Datagrams::adopt(reactor, std::move((*sockets)[0])).value();
  std::optional<Socket> peer{std::move((*sockets)[1])};
  EXPECT_TRUE(peer->write(bytes_of("a")));
  peer.reset();
  EXPECT_TRUE(run_task(reactor, receive(socket, 3)));
  EXPECT_EQ(texts, "a end end ");
}

TEST_P(AwaitedDatagrams, ThrowErrorsOfReceivingAndGoOn) {
  const Endpoint nowhere = [&] {
    Datagrams gone = receiver();
    return gone.socket().local_endpoint().value();
  }();
  Datagrams socket = Datagrams::connect(reactor, nowhere).value();
  bool refused = false;
  const auto body = [&]() -> Task<> {
    EXPECT_TRUE(socket.send("x"));
    try {
      (void)co_await socket.receive();
    } catch (const std::system_error& error) {
      refused = error.code() == std::errc::connection_refused;
      EXPECT_STREQ(error.what(), "receive a datagram: Connection refused");
    }
    Datagrams peer = Datagrams::make(reactor, nowhere).value();
    EXPECT_TRUE(peer.send("y", socket.socket().local_endpoint().value()));
    co_await receive(socket, 1);
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_TRUE(refused);
  EXPECT_EQ(texts, "y ");
}

}  // namespace
}  // namespace rondo::test
