// SPDX-License-Identifier: MIT
// The visible effects of faults of readiness, the clock and names.
#include <algorithm>

#include "conversation.h"
#include "fault_scene.h"
#include "support/collecting_sink.h"
#include "support/recording_handler.h"

namespace rondo::sim {

using namespace std::chrono_literals;

// --- readiness ----------------------------------------------------------------------------------

void spurious_ready(FaultScene& scene) {
  scene.connect();
  Reactor reactor{scene.a.backend()};
  int result = 0;
  test::RecordingHandler handler{[&](Ready) { result = scene.read(scene.server, scene.there); }};
  const Watch watch = reactor.watch(scene.there, Ready::read, handler).value();
  scene.strike();
  Timer timer{reactor, [] {}};  // a reason to poll
  timer.arm_every(1ms);
  scene.wait(10ms);
  EXPECT_GT(handler.calls, 0);
  EXPECT_EQ(result, -EAGAIN);
}

void late_ready(FaultScene& scene) {
  scene.connect();
  EXPECT_EQ(scene.write(scene.client, scene.here), 100);
  scene.wait();
  const auto backend = scene.a.driving_backend();
  ASSERT_FALSE(backend->watch(scene.there, Ready::none, Ready::read, Token{16}));
  scene.strike();
  test::CollectingSink sink;
  EXPECT_FALSE(backend->wait(sink, backend->now()));
  EXPECT_TRUE(sink.events.empty());
  scene.world.faults().clear();
  EXPECT_FALSE(backend->wait(sink, backend->now()));
  EXPECT_EQ(sink.reported(Token{16}), Ready::read);
}

void doubled_ready(FaultScene& scene) {
  scene.connect();
  Reactor reactor{scene.a.backend()};
  std::vector<int> results;
  test::RecordingHandler handler{
      [&](Ready) { results.push_back(scene.read(scene.server, scene.there)); }};
  const Watch watch = reactor.watch(scene.there, Ready::read, handler).value();
  scene.wait();
  scene.strike();
  EXPECT_EQ(scene.write(scene.client, scene.here), 100);
  scene.wait();
  EXPECT_EQ(results, (std::vector{100, -EAGAIN}));
}

void stale_event(FaultScene& scene) {
  scene.connect();
  const auto backend = scene.a.driving_backend();
  ASSERT_FALSE(backend->watch(scene.there, Ready::none, Ready::both, Token{16}));
  backend->unwatch(scene.there, Ready::both);
  scene.strike();
  test::CollectingSink sink;
  EXPECT_FALSE(backend->wait(sink, backend->now()));
  EXPECT_EQ(sink.reported(Token{16}), Ready::both) << "for an ended registration";
}

/// Ten writable descriptors. Returns the numbers of those that one wait reports.
static std::vector<std::uint64_t> ten_are_ready(FaultScene& scene) {
  const auto backend = scene.a.driving_backend();
  for (std::uint64_t i = 1; i <= 5; ++i) {
    int fds[2];
    EXPECT_EQ(scene.server.pair(SocketType::stream, fds), 0);
    EXPECT_FALSE(backend->watch(fds[0], Ready::none, Ready::write, Token{16 * (2 * i - 1)}));
    EXPECT_FALSE(backend->watch(fds[1], Ready::none, Ready::write, Token{16 * 2 * i}));
  }
  scene.strike();
  test::CollectingSink sink;
  EXPECT_FALSE(backend->wait(sink, backend->now()));
  std::vector<std::uint64_t> reported;
  for (const auto& event : sink.events)
    reported.push_back(static_cast<std::uint64_t>(event.token) / 16);
  return reported;
}

void shuffled_batch(FaultScene& scene) {
  std::vector<std::uint64_t> reported = ten_are_ready(scene);
  EXPECT_FALSE(std::is_sorted(reported.begin(), reported.end()));
  EXPECT_EQ(reported.size(), 10u);
}

void cut_batch(FaultScene& scene) {
  const std::vector<std::uint64_t> reported = ten_are_ready(scene);
  EXPECT_GT(reported.size(), 0u);
  EXPECT_LT(reported.size(), 10u);
}

// --- waking and time ----------------------------------------------------------------------------

void spurious_wake(FaultScene& scene) {
  const auto backend = scene.a.driving_backend();
  scene.strike();
  test::CollectingSink sink;
  EXPECT_FALSE(backend->wait(sink, backend->now() + 1s));
  EXPECT_EQ(backend->now(), TimePoint{1h}) << "before its time";
}

void late_wake(FaultScene& scene) {
  Reactor reactor{scene.a.backend()};
  TimePoint ran{};
  scene.wait();
  const TimePoint posted = scene.world.now();
  scene.strike();
  reactor.post([&] { ran = scene.world.now(); });
  scene.wait();
  EXPECT_EQ(ran - posted, 1ms);
}

void late_timer(FaultScene& scene) {
  Reactor reactor{scene.a.backend()};
  scene.strike();
  TimePoint fired{};
  Timer timer{reactor, [&] { fired = scene.world.now(); }};
  const TimePoint due = scene.world.now() + 1s;
  timer.arm_at(due);
  scene.wait(2s);
  EXPECT_GT(fired, due);
  EXPECT_LE(fired, due + 10ms);
}

void clock_jump(FaultScene& scene) {
  Reactor reactor{scene.a.backend()};
  scene.strike();
  reactor.post([] {});
  scene.wait();
  EXPECT_GT(scene.a.now(), scene.world.now());
  EXPECT_LE(scene.a.now(), scene.world.now() + 1min);
  EXPECT_EQ(scene.b.now(), scene.world.now());
}

// --- names --------------------------------------------------------------------------------------

/// The result of a connect by name, and its time.
static std::string ask_for_name(FaultScene& scene, Duration& took) {
  scene.world.name("example.org", {"10.0.0.1"});
  scene.strike();
  Reactor reactor{scene.b.backend()};
  Listener listener;
  const auto stream = connect(reactor, "example.org:7000", listener);
  const TimePoint start = scene.world.now();
  EXPECT_TRUE(scene.world.run_until([&] { return listener.closes == 1; }, 1h));
  took = scene.world.now() - start;
  return listener.message;
}

void slow_name(FaultScene& scene) {
  Duration took{};
  EXPECT_EQ(ask_for_name(scene, took),
            "connect to example.org:7000: 10.0.0.1:7000: Connection refused");
  EXPECT_GE(took, 4s);
}

void failing_name(FaultScene& scene) {
  Duration took{};
  const std::string message = ask_for_name(scene, took);
  EXPECT_NE(message.find(make_error_code(ResolveError::server_failed).message()), std::string::npos)
      << message;
}

void missing_name(FaultScene& scene) {
  Duration took{};
  EXPECT_EQ(ask_for_name(scene, took),
            "connect to example.org:7000: resolve example.org: Domain name not found");
}

void silent_name(FaultScene& scene) {
  Duration took{};
  const std::string message = ask_for_name(scene, took);
  EXPECT_NE(message.find(make_error_code(ResolveError::timed_out).message()), std::string::npos)
      << message;
  EXPECT_GE(took, 5s);
}

}  // namespace rondo::sim
