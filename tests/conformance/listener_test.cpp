// SPDX-License-Identifier: MIT
// Tasks that accept connections, on each backend.
#include <rondo/listener.h>

#include <unistd.h>

#include <cerrno>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/coroutine.h>

#include "support/failing_net.h"
#include "support/on_every_backend.h"
#include "support/run_until.h"
#include "support/task_end.h"

namespace rondo::test {
namespace {

/// The clients are of the Unix family: their connect has ended, and they wait, when it returns.
class AwaitedListener : public ReactorOnEveryBackend {
 protected:
  AwaitedListener() { spy.use_net(&net); }
  ~AwaitedListener() override { (void)::unlink(path.c_str()); }  // a test may not have listened

  rondo::Listener listening() {
    (void)::unlink(path.c_str());  // the first has nothing to remove
    auto socket = Socket::listen(net, Endpoint::parse("unix:" + path).value());
    if (!socket) throw std::runtime_error{socket.error().message()};
    return rondo::Listener::adopt(reactor, std::move(*socket)).value();
  }
  void connect(const rondo::Listener& listener, int count) {
    for (; count > 0; --count) {
      auto client = Socket::connect(kernel().net(), listener.local_endpoint());
      ASSERT_TRUE(client) << client.error().message();
      clients.push_back(std::move(*client));
    }
  }
  Task<> accept(rondo::Listener& listener, int count) {
    for (; count > 0; --count) {
      auto one = co_await listener.accept();
      accepted.push_back(std::move(one.socket));
    }
  }

  const std::string path = testing::TempDir() + "rondo-listener-" + std::to_string(::getpid());
  FailingNet net{spy.inner().net()};
  std::vector<Socket> accepted;
  std::vector<Socket> clients;
};
RONDO_ON_EVERY_BACKEND(AwaitedListener);

TEST_P(AwaitedListener, GivesEachConnectionOnce) {
  auto listener = listening();
  connect(listener, 5);
  EXPECT_TRUE(run_task(reactor, accept(listener, 5)));
  EXPECT_EQ(listener.acceptor().counters().accepted, 5U);
  const std::string_view text = "hello";
  for (Socket& one : accepted) EXPECT_TRUE(one.write(std::as_bytes(std::span{text})));
  for (Socket& client : clients) {
    std::byte room[8];
    EXPECT_EQ(client.read(room).value(), text.size());
  }
}

TEST_P(AwaitedListener, AcceptsNothingWhileNoTaskWaits) {
  auto listener = listening();
  connect(listener, 4);
  run_turns(reactor, 5);
  EXPECT_EQ(listener.acceptor().counters().accepted, 0U);
  EXPECT_TRUE(run_task(reactor, accept(listener, 1)));
  run_turns(reactor, 5);
  EXPECT_EQ(listener.acceptor().counters().accepted, 1U);
  EXPECT_TRUE(run_task(reactor, accept(listener, 3)));
}

TEST_P(AwaitedListener, LosesNoConnectionIfItIsCancelled) {
  auto listener = listening();
  {
    TaskGroup group{reactor};
    group.spawn(accept(listener, 1));
    run_turns(reactor, 3);
  }
  connect(listener, 2);
  run_turns(reactor, 5);
  EXPECT_EQ(listener.acceptor().counters().accepted, 0U);
  EXPECT_TRUE(run_task(reactor, accept(listener, 2)));
  EXPECT_EQ(accepted.size(), 2U);
}

TEST_P(AwaitedListener, ThrowsWhatLastsAndTriesAgain) {
  auto listener = listening();
  connect(listener, 1);
  net.fail("accept", EINVAL);
  std::string message;
  const auto body = [&]() -> Task<> {
    try {
      (void)co_await listener.accept();
    } catch (const std::system_error& error) {
      message = error.what();
    }
    accepted.push_back((co_await listener.accept()).socket);
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(message, "accept on unix:" + path + ": Invalid argument");
  EXPECT_EQ(accepted.size(), 1U);
}

TEST_P(AwaitedListener, MayBeDestroyedByTheTaskThatItResumes) {
  std::optional<rondo::Listener> listener{listening()};
  connect(*listener, 2);
  const auto body = [&]() -> Task<> {
    accepted.push_back((co_await listener->accept()).socket);
    listener.reset();
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(accepted.size(), 1U);
  EXPECT_FALSE(reactor.alive());
}

TEST_P(AwaitedListener, MakesItsSocketAndTellsThePeer) {
  auto listener = rondo::Listener::make(reactor, Endpoint::loopback(0)).value();
  EXPECT_NE(listener.local_endpoint().port(), 0);
  connect(listener, 1);
  const auto body = [&]() -> Task<> {
    const auto [socket, peer] = co_await listener.accept();
    EXPECT_EQ(peer, clients[0].local_endpoint().value());
  };
  EXPECT_TRUE(run_task(reactor, body()));
  const auto again = rondo::Listener::make(reactor, listener.local_endpoint());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error(), std::errc::address_in_use);
}

}  // namespace
}  // namespace rondo::test
