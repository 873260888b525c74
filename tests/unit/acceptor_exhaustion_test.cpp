// SPDX-License-Identifier: MIT
// Acceptor when descriptors or memory run out, made up by a Net and real: it sheds, pauses in
// virtual time, and recovers.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <rondo/acceptor.h>
#include <rondo/reactor.h>

#include "support/acceptor_fixture.h"
#include "support/descriptors.h"

namespace rondo {
namespace {

using namespace std::chrono_literals;

constexpr int always = 1 << 30;

class AcceptorExhaustionTest : public test::AcceptorFixture {};

TEST_F(AcceptorExhaustionTest, PausesWhenTransientErrorsNeverEnd) {
  Acceptor acceptor = collecting();
  connect(acceptor);
  net_.fail("accept", EPERM, always);
  EXPECT_LE(waits_in(1s), 200);
  EXPECT_GT(acceptor.counters().pauses, 0U);
  net_.fail("accept", 0, 0);
  waits_in(2s);
  EXPECT_EQ(accepted_.size(), 1U);
}

// 64 failures in a row pause; a success, or an empty queue, ends the row.
TEST_F(AcceptorExhaustionTest, CountsTransientErrorsFromTheLastSuccess) {
  Acceptor acceptor = collecting();
  for (std::size_t round = 1; round <= 3; ++round) {
    connect(acceptor);
    net_.fail("accept", ECONNABORTED, 63);
    turn();
    EXPECT_EQ(accepted_.size(), round);
  }
  EXPECT_EQ(acceptor.counters().transient, 3 * 63U);
  EXPECT_EQ(acceptor.counters().pauses, 0U);
}

TEST_F(AcceptorExhaustionTest, CountsTransientErrorsFromTheLastEmptyQueue) {
  Acceptor acceptor = collecting({.accepts_per_turn_max = 63});
  connect(acceptor);
  for (int round = 0; round < 3; ++round) {
    net_.fail("accept", ECONNABORTED, 63);
    turn();
    net_.fail("accept", EAGAIN, 1);
    turn();
  }
  EXPECT_EQ(acceptor.counters().transient, 3 * 63U);
  EXPECT_EQ(acceptor.counters().pauses, 0U);
}

TEST_F(AcceptorExhaustionTest, ShedsWaitingClientsWhenDescriptorsRunOut) {
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    Acceptor acceptor = collecting();
    clients_.clear();
    connect(acceptor, 3);
    net_.fail("accept", error);
    turn();
    EXPECT_EQ(acceptor.counters().shed, 3U) << error;
    EXPECT_EQ(acceptor.counters().pauses, 1U) << error;
    EXPECT_EQ(accepted_.size(), 0U) << error;
    for (Socket& client : clients_) EXPECT_TRUE(is_closed_by_the_server(client));
  }
}

TEST_F(AcceptorExhaustionTest, ShedsABoundedBatch) {
  Acceptor acceptor = collecting({.accepts_per_turn_max = 2});
  connect(acceptor, 5);
  net_.fail("accept", EMFILE);
  turn();
  EXPECT_EQ(acceptor.counters().shed, 2U);
  waits_in(11ms);
  EXPECT_EQ(accepted_.size(), 3U);
}

TEST_F(AcceptorExhaustionTest, DoesNotPauseIfTheQueueIsEmpty) {
  Acceptor acceptor = collecting();
  connect(acceptor);
  net_.fail("accept", EMFILE, 1, 1);  // after the one client
  turn();
  EXPECT_EQ(accepted_.size(), 1U);
  EXPECT_EQ(acceptor.counters().pauses, 0U);
  EXPECT_EQ(acceptor.counters().shed, 0U);
  connect(acceptor);
  turn();
  EXPECT_EQ(accepted_.size(), 2U);
}

TEST_F(AcceptorExhaustionTest, DoublesThePauseUpToItsMax) {
  Acceptor acceptor = collecting({.pause_min = 10ms, .pause_max = 50ms});
  connect(acceptor);
  net_.fail("accept", EMFILE, always);
  std::vector<Duration> pauses;
  TimePoint last = backend_->now();
  for (std::uint64_t seen = 0; pauses.size() < 6;) {
    turn();
    if (acceptor.counters().pauses == seen) {
      EXPECT_TRUE(reactor_->run_once());
      continue;
    }
    seen = acceptor.counters().pauses;
    pauses.push_back(backend_->now() - std::exchange(last, backend_->now()));
  }
  EXPECT_EQ(pauses, (std::vector<Duration>{0ms, 10ms, 20ms, 40ms, 50ms, 50ms}));
}

TEST_F(AcceptorExhaustionTest, BeginsWithTheShortPauseAfterASuccess) {
  Acceptor acceptor = collecting();
  connect(acceptor);
  net_.fail("accept", EMFILE, 2 * 5);  // the first accept of a batch, and the one that sheds
  waits_in(1s);
  EXPECT_EQ(acceptor.counters().pauses, 5U);
  EXPECT_EQ(accepted_.size(), 1U);
  connect(acceptor);
  net_.fail("accept", EMFILE, 2);
  waits_in(11ms);
  EXPECT_EQ(accepted_.size(), 2U);
}

TEST_F(AcceptorExhaustionTest, WakesUpAtMost200TimesASecond) {
  for (const int skip : {0, 1}) {  // never a success, and one before each failure
    Acceptor acceptor = collecting({.pause_min = 0ms, .pause_max = 0ms});
    int waits = 0;
    for (int round = 0; round < 100; ++round) {
      clients_.clear();
      connect(acceptor, 3);
      net_.fail("accept", EMFILE, always, skip);
      waits += waits_in(10ms);
      accepted_.clear();
    }
    EXPECT_LE(waits, 200 + 100) << skip;  // the timer that ends each round is the test's own
    net_.fail("accept", 0, 0);
  }
}

TEST_F(AcceptorExhaustionTest, GoesOnWithoutAReserveUntilItGetsOneBack) {
  Acceptor acceptor = collecting();
  connect(acceptor);
  net_.fail("accept", EMFILE, 2);
  net_.fail("socket", EMFILE);  // another thread was quicker
  turn();
  EXPECT_EQ(acceptor.counters().pauses, 1U);
  const int sockets = net_.calls("socket");
  waits_in(11ms);
  EXPECT_EQ(net_.calls("socket"), sockets + 1);
  EXPECT_EQ(accepted_.size(), 1U);
  connect(acceptor);
  net_.fail("accept", EMFILE);
  turn();
  EXPECT_EQ(acceptor.counters().shed, 1U);
}

TEST_F(AcceptorExhaustionTest, PausesIfTheReserveIsLostThoughTheQueueIsEmpty) {
  Acceptor acceptor = collecting();
  connect(acceptor);
  net_.fail("accept", EMFILE, 1, 1);
  net_.fail("socket", EMFILE);
  turn();
  EXPECT_EQ(accepted_.size(), 1U);
  EXPECT_EQ(acceptor.counters().pauses, 1U);
}

TEST_F(AcceptorExhaustionTest, StaysPausedWhenTheBackOffEnds) {
  Acceptor acceptor = collecting();
  connect(acceptor);
  net_.fail("accept", EMFILE, 2);
  turn();
  acceptor.pause();
  waits_in(1s);
  EXPECT_TRUE(accepted_.empty());
  acceptor.resume();
  turn();
  EXPECT_EQ(accepted_.size(), 1U);
}

TEST_F(AcceptorExhaustionTest, StaysInItsBackOffWhenResumed) {
  Acceptor acceptor = collecting();
  connect(acceptor);
  net_.fail("accept", EMFILE, 2);
  turn();
  acceptor.pause();
  acceptor.resume();
  turns(3);
  EXPECT_TRUE(accepted_.empty());
  waits_in(11ms);
  EXPECT_EQ(accepted_.size(), 1U);
}

TEST_F(AcceptorExhaustionTest, MayBeDestroyedInItsBackOff) {
  auto acceptor = std::make_unique<Acceptor>(collecting());
  connect(*acceptor);
  net_.fail("accept", EMFILE, 2);
  turn();
  acceptor.reset();
  EXPECT_FALSE(reactor_->alive());
  turn();
}

TEST_F(AcceptorExhaustionTest, SurvivesARealLackOfDescriptors) {
  Acceptor acceptor = collecting();
  // UBSan inspects each object once, with a pipe. It must see all objects that are used here before
  // the descriptors run out.
  net_.fail("accept", EMFILE, 1, 1);
  connect(acceptor, 2);
  waits_in(2s);
  ASSERT_EQ(acceptor.counters().shed, 1U);
  accepted_.clear();
  clients_.clear();

  connect(acceptor, 6);
  {
    const test::DescriptorFamine famine{2};
    waits_in(100ms);
    EXPECT_EQ(accepted_.size(), 2U);
    EXPECT_EQ(acceptor.counters().shed, 1U + 4U);
    EXPECT_GE(acceptor.counters().pauses, 2U);
    for (std::size_t i = 2; i < 6; ++i) EXPECT_TRUE(is_closed_by_the_server(clients_[i])) << i;

    accepted_.clear();  // two descriptors are free again, one of which the client takes
    connect(acceptor);
    waits_in(2s);
    EXPECT_EQ(accepted_.size(), 1U);
  }
  connect(acceptor);
  turn();
  EXPECT_EQ(accepted_.size(), 2U);
}

}  // namespace
}  // namespace rondo
