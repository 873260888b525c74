// SPDX-License-Identifier: MIT
// Accepting on every backend, in real time. What needs virtual time, and what the callbacks may do,
// is in acceptor_test.cpp and acceptor_exhaustion_test.cpp.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <rondo/acceptor.h>

#include "support/descriptors.h"
#include "support/failing_net.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

constexpr int always = 1 << 30;

/// The clients are of the Unix family: their connect has ended, and they wait, when it returns.
class Accepting : public ReactorOnEveryBackend {
 protected:
  Accepting() { spy.use_net(&net); }
  ~Accepting() override { (void)::unlink(path.c_str()); }  // a test may not have listened

  Acceptor collecting(const AcceptLimits& pace = {}) {
    (void)::unlink(path.c_str());  // the first has nothing to remove
    auto listener = Socket::listen(net, Endpoint::parse("unix:" + path).value());
    if (!listener) throw std::runtime_error{listener.error().message()};
    listener_fd = listener->fd();
    auto acceptor = Acceptor::adopt(
        reactor, std::move(*listener),
        [this](Socket client, const Endpoint&) { accepted.push_back(std::move(client)); }, pace);
    if (!acceptor) throw std::runtime_error{acceptor.error().message()};
    return std::move(*acceptor);
  }
  void connect(const Acceptor& acceptor, int count) {
    for (; count > 0; --count) {
      auto client = Socket::connect(kernel().net(), acceptor.local_endpoint());
      ASSERT_TRUE(client) << client.error().message();
      clients.push_back(std::move(*client));
    }
  }
  [[nodiscard]] bool accepts(std::size_t count) {
    return run_until(reactor, [&] { return accepted.size() >= count; }) && accepted.size() == count;
  }
  static bool is_closed_by_the_server(Socket& client) {
    std::array<std::byte, 1> room;
    const auto result = client.read(room);
    return result && *result == 0;
  }

  const std::string path = testing::TempDir() + "rondo-accept-" + std::to_string(::getpid());
  FailingNet net{spy.inner().net()};
  int listener_fd = -1;
  std::vector<Socket> accepted;
  std::vector<Socket> clients;
};
RONDO_ON_EVERY_BACKEND(Accepting);

TEST_P(Accepting, ShedsPausesAndRecoversWhenDescriptorsOrMemoryRunOut) {
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    Acceptor acceptor = collecting();
    clients.clear();
    connect(acceptor, 3);
    net.fail("accept", error);
    EXPECT_TRUE(run_until(reactor, [&] { return acceptor.counters().pauses > 0; })) << error;
    EXPECT_EQ(acceptor.counters().shed, 3U) << error;
    EXPECT_TRUE(accepted.empty()) << error;
    EXPECT_TRUE(std::all_of(clients.begin(), clients.end(), is_closed_by_the_server)) << error;
    connect(acceptor, 1);
    EXPECT_TRUE(accepts(1)) << error;
    EXPECT_EQ(acceptor.counters().pauses, 1U) << error;
    accepted.clear();
  }
}

TEST_P(Accepting, WakesUpAtMost200TimesASecondInAShortage) {
  Acceptor acceptor = collecting({.pause_min = 0ms, .pause_max = 0ms});
  connect(acceptor, 3);
  net.fail("accept", EMFILE, always);
  const TimePoint start = reactor.backend().now();
  const int before = spy.waits;
  EXPECT_TRUE(reactor.run_for(250ms));
  const auto elapsed = std::chrono::ceil<std::chrono::seconds>(reactor.backend().now() - start);
  EXPECT_LE(spy.waits - before, 200 * elapsed.count());
  EXPECT_GT(acceptor.counters().pauses, 1U);
  EXPECT_TRUE(accepted.empty());
  net.fail("accept", 0, 0);
  EXPECT_TRUE(accepts(3));
}

TEST_P(Accepting, SurvivesARealLackOfDescriptors) {
  Acceptor acceptor = collecting();
  // UBSan inspects each object once, with a pipe. It must see all objects that are used here before
  // the descriptors run out.
  net.fail("accept", EMFILE, 1, 1);
  connect(acceptor, 2);
  EXPECT_TRUE(run_until(reactor, [&] { return acceptor.counters().shed == 1; }));
  accepted.clear();
  clients.clear();

  connect(acceptor, 6);
  {
    const DescriptorFamine famine{2};
    EXPECT_TRUE(run_until(reactor, [&] { return acceptor.counters().shed == 1U + 4U; }));
    EXPECT_EQ(accepted.size(), 2U);
    EXPECT_EQ(std::count_if(clients.begin(), clients.end(), is_closed_by_the_server), 4);

    accepted.clear();  // two descriptors are free again, one of which the client takes
    connect(acceptor, 1);
    EXPECT_TRUE(accepts(1));
  }
  connect(acceptor, 1);
  EXPECT_TRUE(accepts(2));
}

TEST_P(Accepting, CountsTransientErrorsAndGoesOn) {
  for (const int error : {ECONNABORTED, EPROTO, EINTR, EPERM}) {
    Acceptor acceptor = collecting();
    connect(acceptor, 2);
    net.fail("accept", error, 3);
    EXPECT_TRUE(accepts(2)) << error;
    EXPECT_EQ(acceptor.counters().transient, 3U) << error;
    EXPECT_EQ(acceptor.counters().pauses, 0U) << error;
    accepted.clear();
    clients.clear();
  }
}

TEST_P(Accepting, TakesAReadyListenerForAHint) {
  Acceptor acceptor = collecting();
  run_turns(reactor, 2);
  const int before = net.calls("accept");
  spy.inject(spy.token_of(listener_fd), Ready::read);
  run_turns(reactor, 1);
  EXPECT_GT(net.calls("accept"), before) << "called, and did not block";
  EXPECT_TRUE(accepted.empty());
  connect(acceptor, 1);
  net.fail("accept", EAGAIN);  // another process was quicker
  EXPECT_TRUE(accepts(1));
  EXPECT_EQ(acceptor.counters().pauses, 0U);
}

TEST_P(Accepting, AcceptsABoundedBatchATurnBesideItsNeighbours) {
  constexpr std::size_t batch = 2;
  Acceptor acceptor = collecting({.accepts_per_turn_max = batch});
  connect(acceptor, 40);
  const Pair pair = unix_pair();
  RecordingHandler neighbour;
  const Watch watch = reactor.watch(pair.ours.get(), Ready::write, neighbour).value();
  std::size_t largest = 0;
  EXPECT_TRUE(run_until(reactor, [&, seen = std::size_t{0}]() mutable {
    largest = std::max(largest, accepted.size() - std::exchange(seen, accepted.size()));
    return accepted.size() == clients.size();
  }));
  EXPECT_EQ(largest, batch);
  EXPECT_GT(neighbour.calls, 0);
}

TEST_P(Accepting, HandsOverWhatNeitherBlocksNorIsInherited) {
  RONDO_NEEDS(flags);
  Acceptor acceptor = collecting();
  connect(acceptor, 1);
  ASSERT_TRUE(accepts(1));
  EXPECT_TRUE(is_nonblocking(accepted[0].fd()));
  EXPECT_TRUE(is_close_on_exec(accepted[0].fd()));
}

}  // namespace
}  // namespace rondo::test
