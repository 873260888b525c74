// SPDX-License-Identifier: MIT
// Acceptor: batches, errors of one client and of the listener, pausing, and callbacks that destroy,
// move or throw.
#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <rondo/acceptor.h>
#include <rondo/reactor.h>

#include "support/acceptor_fixture.h"

namespace rondo {
namespace {

class AcceptorTest : public test::AcceptorFixture {};

TEST_F(AcceptorTest, HandsOverEachClient) {
  Acceptor acceptor = collecting();
  connect(acceptor, 3);
  turn();
  EXPECT_EQ(accepted_.size(), 3U);
  EXPECT_EQ(acceptor.counters().accepted, 3U);
}

TEST_F(AcceptorTest, ReportsItsAddressAndThoseOfItsClients) {
  Endpoint from;
  Acceptor acceptor =
      Acceptor::make(*reactor_, Endpoint::loopback(0), [&](Socket client, const Endpoint& peer) {
        from = peer;
        add(std::move(client));
      }).value();
  EXPECT_NE(acceptor.local_endpoint().port(), 0);
  connect(acceptor);
  pollfd entry{clients_[0].fd(), POLLOUT, 0};
  ASSERT_EQ(::poll(&entry, 1, 5000), 1);
  for (int i = 0; i < 1000 && accepted_.empty(); ++i) turn();
  EXPECT_EQ(from, clients_[0].local_endpoint().value());
}

TEST_F(AcceptorTest, AdoptsASocketThatListensAlready) {
  auto listener = Socket::listen(net_, Endpoint::loopback(0));
  const Endpoint local = listener->local_endpoint().value();
  auto acceptor = Acceptor::adopt(*reactor_, std::move(*listener), [](Socket, const Endpoint&) {});
  ASSERT_TRUE(acceptor);
  EXPECT_EQ(acceptor->local_endpoint(), local);
}

TEST_F(AcceptorTest, SharesItsDescriptorInReserveWithTheOthersOfItsReactor) {
  std::vector<Acceptor> acceptors;
  const int before = net_.calls("socket");
  for (int i = 0; i < 10; ++i) {
    acceptors.push_back(
        Acceptor::make(*reactor_, Endpoint::loopback(0), [](Socket, const Endpoint&) {}).value());
  }
  EXPECT_EQ(net_.calls("socket"), before + 10 + 1);
  acceptors.erase(acceptors.begin());  // the others keep it
  acceptors.push_back(
      Acceptor::make(*reactor_, Endpoint::loopback(0), [](Socket, const Endpoint&) {}).value());
  EXPECT_EQ(net_.calls("socket"), before + 10 + 1 + 1);
  const int closed = net_.calls("close");
  acceptors.clear();
  EXPECT_EQ(net_.calls("close"), closed + 10 + 1);
}

TEST_F(AcceptorTest, SetsTheOptionsOfItsClientsAndReportsFailures) {
  const SocketOptions options{.dual_stack = true, .linger = std::chrono::seconds{0}};
  const Acceptor acceptor =
      Acceptor::make(*reactor_, Endpoint::loopback(0),
                     [&](Socket client, const Endpoint&) { add(std::move(client)); },
                     {.socket = options})
          .value();
  connect(acceptor);
  for (int i = 0; i < 1000 && accepted_.empty(); ++i) turn();
  ASSERT_EQ(accepted_.size(), 1U);
  EXPECT_EQ(accepted_[0].get(SocketOption::linger).value(), 0);
  EXPECT_EQ(accepted_[0].get(SocketOption::nodelay).value(), 1);
  ASSERT_EQ(acceptor.unapplied().size(), 1U);
  EXPECT_EQ(acceptor.unapplied()[0].option, SocketOption::ipv6_only);
}

TEST_F(AcceptorTest, NamesWhatItCouldNotDo) {
  const auto nothing = [](Socket, const Endpoint&) {};
  net_.fail("bind", EACCES);
  EXPECT_EQ(Acceptor::make(*reactor_, Endpoint::loopback(80), nothing).error().message(),
            "listen on 127.0.0.1:80: Permission denied");
  net_.fail("socket", EMFILE, 1, 1);  // the one in reserve
  const auto failed = Acceptor::make(*reactor_, Endpoint::loopback(0), nothing);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error(), std::errc::too_many_files_open);
  EXPECT_EQ(failed.error().context.rfind("accept on 127.0.0.1:", 0), 0U);
  EXPECT_FALSE(Acceptor::adopt(*reactor_, Socket{net_, -1}, nothing));
}

TEST_F(AcceptorTest, AcceptsABoundedBatchPerTurn) {
  Acceptor acceptor = collecting({.accepts_per_turn_max = 2});
  connect(acceptor, 5);
  std::vector<std::size_t> counts;
  for (int i = 0; i < 3; ++i) {
    turn();
    counts.push_back(accepted_.size());
  }
  EXPECT_EQ(counts, (std::vector<std::size_t>{2, 4, 5}));
}

// A call that finds no client costs as much as one that does.
TEST_F(AcceptorTest, AsksSeldomForMoreWhereOneClientComesAtATime) {
  Acceptor acceptor = collecting();
  constexpr int clients = 40;
  for (int i = 0; i < clients; ++i) {
    connect(acceptor);
    turn();
  }
  EXPECT_EQ(accepted_.size(), std::size_t{clients});
  EXPECT_LE(net_.calls("accept"), clients + clients / 4);
  connect(acceptor, clients);
  turns(8);
  EXPECT_EQ(accepted_.size(), std::size_t{2 * clients});
}

TEST_F(AcceptorTest, CountsTransientErrorsAndGoesOn) {
  Acceptor acceptor = collecting();
  connect(acceptor, 2);
  net_.fail("accept", ECONNABORTED, 3);
  turn();
  EXPECT_EQ(accepted_.size(), 2U);
  EXPECT_EQ(acceptor.counters().transient, 3U);
  EXPECT_EQ(acceptor.counters().pauses, 0U);
}

TEST_F(AcceptorTest, ReportsAnErrorThatWaitingCannotMend) {
  std::vector<std::error_code> errors;
  Acceptor acceptor = collecting();
  acceptor.set_error_handler([&](std::error_code error) { errors.push_back(error); });
  connect(acceptor);
  net_.fail("accept", EINVAL);
  turns(5);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0], std::errc::invalid_argument);
  EXPECT_TRUE(accepted_.empty());
  acceptor.resume();
  turn();
  EXPECT_EQ(accepted_.size(), 1U);
  net_.fail("accept", EINVAL);
  connect(acceptor);
  turn();
  EXPECT_EQ(errors.size(), 2U);
}

TEST_F(AcceptorTest, LetsItsErrorHookSetAnotherOne) {
  std::string calls;
  Acceptor acceptor = collecting();
  acceptor.set_error_handler([&, alive = std::make_unique<int>(1)](std::error_code) {
    acceptor.set_error_handler([&](std::error_code) { calls += "second "; });
    calls += *alive == 1 ? "first " : "";
  });
  connect(acceptor);
  net_.fail("accept", EBADF, 2);
  turn();
  acceptor.resume();
  turn();
  EXPECT_EQ(calls, "first second ");
}

TEST_F(AcceptorTest, LeavesClientsInTheQueueWhilePaused) {
  Acceptor acceptor = collecting();
  acceptor.pause();
  connect(acceptor, 2);
  turns(3);
  EXPECT_TRUE(accepted_.empty());
  acceptor.resume();
  turn();
  EXPECT_EQ(accepted_.size(), 2U);
}

TEST_F(AcceptorTest, StopsInMidBatchWhenPausedByItsCallback) {
  Acceptor* paused = nullptr;
  Acceptor acceptor = listening([&](Socket client, const Endpoint&) {
    add(std::move(client));
    paused->pause();
  });
  paused = &acceptor;
  connect(acceptor, 3);
  turns(3);
  EXPECT_EQ(accepted_.size(), 1U);
  acceptor.resume();
  turns(3);
  EXPECT_EQ(accepted_.size(), 2U);
}

TEST_F(AcceptorTest, MayBeDestroyedByItsOwnCallback) {
  std::unique_ptr<Acceptor> acceptor;
  int calls = 0;
  acceptor = std::make_unique<Acceptor>(
      listening([&, alive = std::make_unique<int>(1)](Socket, const Endpoint& peer) {
        acceptor.reset();
        calls += *alive;  // what the callback holds lives until it returns
        EXPECT_EQ(peer.family(), AddressFamily::unix_domain);
      }));
  connect(*acceptor, 3);
  turns(3);
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(reactor_->alive());
}

TEST_F(AcceptorTest, MayBeDestroyedByItsErrorHook) {
  auto acceptor = std::make_unique<Acceptor>(collecting());
  acceptor->set_error_handler([&](std::error_code) { acceptor.reset(); });
  connect(*acceptor);
  net_.fail("accept", EBADF);
  turns(2);
  EXPECT_EQ(acceptor, nullptr);
  EXPECT_FALSE(reactor_->alive());
}

TEST_F(AcceptorTest, LetsExceptionsOutAndGoesOn) {
  int calls = 0;
  Acceptor acceptor = listening([&](Socket client, const Endpoint&) {
    if (++calls == 1) throw std::runtime_error{"one bad client"};
    add(std::move(client));
  });
  connect(acceptor, 3);
  EXPECT_THROW(turn(), std::runtime_error);
  EXPECT_TRUE(is_closed_by_the_server(clients_[0]));
  turns(2);
  EXPECT_EQ(accepted_.size(), 2U);
  EXPECT_EQ(acceptor.counters().accepted, 3U);
}

TEST_F(AcceptorTest, MayThrowAfterItHasDestroyedTheAcceptor) {
  std::unique_ptr<Acceptor> acceptor;
  acceptor = std::make_unique<Acceptor>(listening([&](Socket, const Endpoint&) {
    acceptor.reset();
    throw std::runtime_error{"and now this"};
  }));
  connect(*acceptor, 2);
  EXPECT_THROW(turn(), std::runtime_error);
  EXPECT_FALSE(reactor_->alive());
}

TEST_F(AcceptorTest, MovesAlsoInsideItsCallback) {
  std::vector<Acceptor> holders;
  holders.push_back(listening([&](Socket client, const Endpoint&) {
    add(std::move(client));
    Acceptor elsewhere = std::move(holders[0]);
    holders[0] = std::move(elsewhere);
  }));
  connect(holders[0], 2);
  turn();
  EXPECT_EQ(accepted_.size(), 2U);
  Acceptor other = collecting();
  other = std::move(holders[0]);
  connect(other);
  turn();
  EXPECT_EQ(accepted_.size(), 3U);
}

}  // namespace
}  // namespace rondo
