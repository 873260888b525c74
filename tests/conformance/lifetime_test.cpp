// SPDX-License-Identifier: MIT
// Anything may be destroyed from inside any callback. A destroyed handler is not called again, even
// if its event is already in the batch.
#include <signal.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>

#include <rondo/signal.h>
#include <rondo/timer.h>

#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

/// A handler that owns its watch and descriptor, and reports each call to the test.
class Client final : public Handler {
 public:
  Client(Reactor& reactor, Fd fd, std::function<void(Client&)> action)
      : fd_(std::move(fd)),
        action_(std::move(action)),
        watch_(reactor.watch(fd_.get(), Ready::both, *this).value()) {}

  void on_ready(Ready) override {
    ++calls;
    const auto action = action_;  // which may destroy this
    action(*this);
  }
  void end() { watch_.cancel(); }
  void close() {
    watch_.cancel();
    fd_.close();
  }
  [[nodiscard]] int fd() const { return fd_.get(); }

  int calls = 0;

 private:
  Fd fd_;
  std::function<void(Client&)> action_;
  Watch watch_;
};

class Lifetime : public ReactorOnEveryBackend {
 protected:
  static constexpr std::size_t crowd = 20;

  /// Clients that are all readable and writable, so that their events are in one batch.
  void gather(const std::function<void(Client&)>& action) {
    for (std::size_t i = 0; i < crowd; ++i) {
      Pair pair = unix_pair();
      write_all(pair.theirs.get(), "hello");
      clients.push_back(std::make_unique<Client>(reactor, std::move(pair.ours), action));
      peers.push_back(std::move(pair.theirs));
    }
  }
  [[nodiscard]] int calls() const {
    int sum = 0;
    for (const auto& client : clients) sum += client != nullptr ? client->calls : 0;
    return sum;
  }

  std::vector<Fd> peers;
  std::vector<std::unique_ptr<Client>> clients;
};
RONDO_ON_EVERY_BACKEND(Lifetime);

TEST_P(Lifetime, AWatchMayEndInItsOwnCallback) {
  gather([](Client& client) { client.end(); });
  EXPECT_TRUE(run_until(reactor, [&] { return calls() == crowd; }));
  run_turns(reactor, 5);
  for (const auto& client : clients) EXPECT_EQ(client->calls, 1);
}

TEST_P(Lifetime, AHandlerMayDestroyItselfInItsOwnCallback) {
  int served = 0;
  gather([&](Client& called) {
    ++served;
    for (auto& client : clients) {
      if (client.get() == &called) client.reset();
    }
  });
  EXPECT_TRUE(run_until(reactor, [&] { return served == crowd; }));
  run_turns(reactor, 5);
  EXPECT_EQ(served, static_cast<int>(crowd));
}

TEST_P(Lifetime, TheFirstOfABatchMayEndTheWatchesOfAllOthers) {
  gather([&](Client& called) {
    for (auto& client : clients) {
      if (client.get() != &called) client->end();
    }
  });
  EXPECT_TRUE(run_until(reactor, [&] { return calls() >= 3; }));
  int called = 0;
  for (const auto& client : clients) called += client->calls > 0 ? 1 : 0;
  EXPECT_EQ(called, 1);
}

TEST_P(Lifetime, TheFirstOfABatchMayDestroyAllHandlers) {
  int served = 0;
  gather([&](Client&) {
    ++served;
    clients.clear();
  });
  EXPECT_TRUE(run_until(reactor, [&] { return served > 0; }));
  run_turns(reactor, 5);
  EXPECT_EQ(served, 1);
  EXPECT_FALSE(reactor.alive());
}

// A handler closes another descriptor whose event comes later in the same batch, and the number is
// in use again at once: the old event must not reach the new owner.
TEST_P(Lifetime, NumbersReusedWithinABatchAreNotMistaken) {
  std::vector<Fd> reused;
  std::vector<std::unique_ptr<Client>> newcomers;
  int newcomer_calls = 0;
  int served = 0;
  gather([&](Client& called) {
    if (served++ > 0) return;
    std::vector<int> numbers;
    for (auto& client : clients) {
      if (client.get() == &called) continue;
      numbers.push_back(client->fd());
      client->close();
    }
    // Take high numbers, since the pairs themselves take the lowest free ones.
    std::sort(numbers.begin(), numbers.end());
    for (std::size_t i = numbers.size() - 1; i > numbers.size() / 2; --i) {
      Pair idle = unix_pair();  // which can be neither read nor written
      idle.ours = moved_to(numbers[i], std::move(idle.ours));
      reused.push_back(std::move(idle.theirs));
      fill_until_full(idle.ours.get());
      newcomers.push_back(std::make_unique<Client>(reactor, std::move(idle.ours),
                                                   [&](Client&) { ++newcomer_calls; }));
    }
  });
  EXPECT_TRUE(run_until(reactor, [&] { return served >= 1; }));
  EXPECT_EQ(newcomer_calls, 0) << "an event of the previous owner of the number";
  run_turns(reactor, 20);
  EXPECT_LE(newcomer_calls, 10 * static_cast<int>(newcomers.size())) << "only spurious calls";
  const int before = newcomer_calls;
  for (const Fd& peer : reused) write_all(peer.get(), "x");
  EXPECT_TRUE(run_until(reactor, [&] { return newcomer_calls > before; }));
}

// After a descriptor is unregistered and registered again inside one batch, its old events are
// dropped.
TEST_P(Lifetime, OldEventsAreDroppedWhenRegisteredAgainWithinABatch) {
  RecordingHandler fresh;
  std::vector<Watch> again;
  int served = 0;
  int fresh_in_batch = -1;
  gather([&](Client& called) {
    if (served++ > 0) return;
    for (auto& client : clients) {
      if (client.get() == &called) continue;
      client->end();
      again.push_back(reactor.watch(client->fd(), Ready::both, fresh).value());
    }
  });
  while (served == 0) run_turns(reactor, 1);
  fresh_in_batch = fresh.calls;
  EXPECT_EQ(fresh_in_batch, 0);
  EXPECT_TRUE(run_until(reactor, [&] { return fresh.calls >= static_cast<int>(again.size()); }));
  EXPECT_EQ(fresh.seen, Ready::both);
}

// Events are filtered by the current interest, not by the interest at the time of the poll.
TEST_P(Lifetime, TheInterestOfNowDecidesWithinABatch) {
  const Pair first = unix_pair();
  const Pair second = unix_pair();
  RecordingHandler one;
  RecordingHandler two;
  Watch watch_one = reactor.watch(first.ours.get(), Ready::write, one).value();
  Watch watch_two = reactor.watch(second.ours.get(), Ready::write, two).value();
  one.then = [&](Ready) { watch_two.set(Ready::none); };
  two.then = [&](Ready) { watch_one.set(Ready::none); };
  EXPECT_TRUE(run_until(reactor, [&] { return one.calls + two.calls > 3; }));
  EXPECT_TRUE(one.calls == 0 || two.calls == 0) << one.calls << " and " << two.calls;
}

TEST_P(Lifetime, AStaleTokenReachesNoHandler) {
  RecordingHandler handler;
  const Pair pair = unix_pair();
  Watch watch = reactor.watch(pair.ours.get(), Ready::read, handler).value();
  const Token old = spy.token_of(pair.ours.get());
  watch.cancel();
  watch = reactor.watch(pair.ours.get(), Ready::read, handler).value();
  EXPECT_NE(spy.token_of(pair.ours.get()), old);
  for (int i = 0; i < 5; ++i) {
    spy.inject(old, Ready::both);
    spy.inject(Token{0xffffffffffffffff}, Ready::both);
    spy.inject(Token{0x7fffffff}, Ready::both);
    run_turns(reactor, 1);
  }
  EXPECT_LE(handler.calls, 2) << "only spurious calls";
  write_all(pair.theirs.get(), "hello");
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > 2; }));
}

TEST_P(Lifetime, AHandlerMayDestroyATimerThatIsDueInItsTurn) {
  const Pair pair = unix_pair();
  bool fired = false;
  std::optional<Timer> timer{std::in_place, reactor, [&] { fired = true; }};
  RecordingHandler handler{[&](Ready) {
    kernel().pass(timer->deadline() - reactor.backend().now());
    timer.reset();
  }};
  timer->arm_after(2ms);
  Watch watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  handler.then = [&, then = handler.then](Ready ready) {
    then(ready);
    watch.cancel();
  };
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls > 0; }));
  run_turns(reactor, 5);
  EXPECT_FALSE(fired);
}

TEST_P(Lifetime, ATimerMayDestroyEverything) {
  gather([](Client&) {});
  bool fired = false;
  Timer timer{reactor, [&] {
                fired = true;
                clients.clear();
              }};
  timer.arm_after(1ms);
  EXPECT_TRUE(reactor.run()) << "nothing is left to wait for";
  EXPECT_TRUE(fired);
}

TEST_P(Lifetime, PostedWorkMayDestroyEverything) {
  gather([](Client&) {});
  reactor.post([&] { clients.clear(); });
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(clients.empty());
}

TEST_P(Lifetime, ASignalMayDestroyEverythingAndItself) {
  gather([](Client&) {});
  std::optional<Signal> signal;
  signal.emplace(reactor, SIGUSR1, [&] {
    clients.clear();
    signal.reset();
  });
  reactor.defer([] { (void)::raise(SIGUSR1); });  // cannot fail
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(clients.empty());
  EXPECT_FALSE(signal.has_value());
}

TEST_P(Lifetime, AHandlerMayDestroyASignalThatHasArrived) {
  const Pair pair = unix_pair();
  bool reported = false;
  std::optional<Signal> signal{std::in_place, reactor, SIGUSR1, [&] { reported = true; }};
  std::optional<Watch> watch;
  RecordingHandler handler{[&](Ready) {
    (void)::raise(SIGUSR1);  // cannot fail
    signal.reset();
    watch.reset();
  }};
  watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  EXPECT_TRUE(reactor.run());
  EXPECT_FALSE(reported);
}

TEST_P(Lifetime, AHandlerMayBeMovedFromOneDescriptorToAnotherInItsCallback) {
  const Pair pair = unix_pair();
  Watch watch;
  RecordingHandler handler{[&](Ready) {
    watch = Watch{};
    watch = reactor.watch(pair.theirs.get(), Ready::write, handler).value();
  }};
  watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  EXPECT_TRUE(run_until(reactor, [&] { return handler.calls >= 3; }));
  EXPECT_EQ(watch.fd(), pair.theirs.get());
}

// Work that never ran is destroyed with the reactor. It may own objects that belong to the reactor.
TEST_P(Lifetime, WorkThatNeverRanMayOwnThings) {
  auto destroyed = std::make_shared<int>(0);
  const std::weak_ptr<int> seen = destroyed;
  {
    Reactor doomed{GetParam().make()};
    const auto timer = std::make_shared<Timer>(doomed, [] {});
    timer->arm_after(1h);
    doomed.defer([hold = doomed.work_guard(), destroyed = std::move(destroyed)] {});
    doomed.post([hold = doomed.work_guard()] {});
    doomed.post([timer] {});
  }
  EXPECT_TRUE(seen.expired());
}

}  // namespace
}  // namespace rondo::test
