// SPDX-License-Identifier: MIT
// A reactor inside a user's libuv loop, in the way a program on libuv is written.
#include <signal.h>
#include <uv.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <rondo/rondo.h>
#include <rondo/uv.h>

#include "support/descriptor_census.h"
#include "support/descriptors.h"
#include "support/recording_handler.h"
#include "support/run_until.h"
#include "support/uv_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

/// The test's own libuv loop, which hosts a reactor.
class UvHost : public UvTest {
 protected:
  UvHost() {
    EXPECT_EQ(uv_loop_init(&loop), 0);
    reactor.emplace(std::move(host_on(&loop)).value());
  }
  ~UvHost() override {
    reactor.reset();
    EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
    EXPECT_EQ(uv_loop_close(&loop), 0) << "no handle of the reactor is left";
  }
  /// Runs the host's loop until it ends by itself.
  void run_host() { EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0); }

  uv_loop_t loop{};
  std::optional<Reactor> reactor;
};

// libuv runs the prepare handles that the host started before the reactor's after it.
TEST_F(UvTest, OfAHostAnEarlierPrepareHandleMayCloseWhatItHasJustWatched) {
  uv_loop_t loop;
  ASSERT_EQ(uv_loop_init(&loop), 0);
  std::function<void()> action;
  uv_prepare_t earlier{};
  uv_prepare_init(&loop, &earlier);
  earlier.data = &action;
  uv_prepare_start(&earlier, [](uv_prepare_t* handle) {
    uv_prepare_stop(handle);
    (*static_cast<std::function<void()>*>(handle->data))();
  });
  {
    Reactor reactor{host_on(&loop)};
    Pair doomed = unix_pair();
    Pair open = unix_pair();
    RecordingHandler handler;
    RecordingHandler other;
    Watch first;
    Watch second;
    action = [&] {
      first = reactor.watch(doomed.ours.get(), Ready::read, handler).value();
      second = reactor.watch(open.ours.get(), Ready::read, other).value();
      doomed.ours.close();
    };
    open.theirs.close();
    for (int i = 0; i < 3; ++i) uv_run(&loop, UV_RUN_NOWAIT);
    EXPECT_EQ(handler.calls, 0);
    EXPECT_GT(other.calls, 0);
    uv_close(base(earlier), nullptr);
    first.cancel();
    second.cancel();
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(uv_loop_close(&loop), 0);
}

// libuv forbids it but does not report it.
TEST_F(UvHost, MayBeRunFromACallbackThatThenDestroysItsAcceptor) {
  std::vector<Socket> accepted;
  std::optional<Acceptor> acceptor;
  acceptor.emplace(
      Acceptor::make(*reactor, Endpoint::loopback(0), [&](Socket client, const Endpoint&) {
        accepted.push_back(std::move(client));
        if (accepted.size() > 1) return;
        uv_run(&loop, UV_RUN_NOWAIT);
        acceptor.reset();
      }).value());
  std::vector<Socket> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(Socket::connect(system_net(), acceptor->local_endpoint()).value());
  }
  run_host();
  EXPECT_FALSE(acceptor);
  EXPECT_GE(accepted.size(), 1U);
}

TEST_F(UvHost, EndsAtOnceWithNothingToWaitFor) {
  run_host();
  run_host();
}

TEST_F(UvHost, RefusesToBeRunByTheReactor) {
  const WorkGuard hold = reactor->work_guard();
  EXPECT_EQ(reactor->run().error(), std::errc::operation_not_supported);
  EXPECT_EQ(reactor->run_for(1s).error(), std::errc::operation_not_supported);
  EXPECT_EQ(reactor->run_once().error(), std::errc::operation_not_supported);
}

TEST_F(UvHost, DeliversToHandlersUntilTheLastWatchEnds) {
  const Pair pair = unix_pair();
  Watch watch;
  RecordingHandler handler{[&](Ready) {
    read_all(pair.ours.get());
    if (handler.calls == 3) {
      watch.cancel();
    } else {
      write_all(pair.theirs.get(), "more");
    }
  }};
  watch = reactor->watch(pair.ours.get(), Ready::read, handler).value();
  write_all(pair.theirs.get(), "hello");
  run_host();
  EXPECT_EQ(handler.calls, 3);
  EXPECT_EQ(handler.seen, Ready::read);
}

TEST_F(UvHost, FollowsChangesOfInterest) {
  const Pair pair = unix_pair();
  Watch watch;
  std::vector<Ready> reported;
  RecordingHandler handler{[&](Ready ready) {
    reported.push_back(ready);
    if (reported.size() == 1) watch.set(Ready::read);
    if (reported.size() == 1) write_all(pair.theirs.get(), "x");
    if (reported.size() == 2) watch.cancel();
  }};
  watch = reactor->watch(pair.ours.get(), Ready::write, handler).value();
  run_host();
  EXPECT_EQ(reported, (std::vector{Ready::write, Ready::read}));
}

TEST_F(UvHost, PausesWithoutSpinning) {
  Pair pair = unix_pair();
  pair.theirs.close();
  RecordingHandler handler;
  Watch watch = reactor->watch(pair.ours.get(), Ready::both, handler).value();
  while (handler.calls == 0) uv_run(&loop, UV_RUN_ONCE);
  watch.set(Ready::none);
  handler.calls = 0;
  Timer end{*reactor, [&] { watch.cancel(); }};
  end.arm_after(30ms);
  int turns = 0;
  while (uv_run(&loop, UV_RUN_ONCE) != 0) ++turns;
  EXPECT_LE(turns, 50);
  EXPECT_EQ(handler.calls, 0);
}

TEST_F(UvHost, FiresTimersInTheirOrderAndNeverEarly) {
  std::vector<int> fired;
  const TimePoint start = reactor->now();
  std::vector<std::unique_ptr<Timer>> timers;
  for (const int ms : {5, 0, 2, 9}) {
    timers.push_back(std::make_unique<Timer>(*reactor, [&, ms] {
      fired.push_back(ms);
      EXPECT_GE(reactor->now(), start + std::chrono::milliseconds{ms});
    }));
    timers.back()->arm_at(start + std::chrono::milliseconds{ms});
  }
  run_host();
  EXPECT_EQ(fired, (std::vector{0, 2, 5, 9}));
}

TEST_F(UvHost, NoticesTimersArmedInTheHostsOwnCallbacks) {
  bool fired = false;
  Timer timer{*reactor, [&] { fired = true; }};
  uv_timer_t own;
  uv_timer_init(&loop, &own);
  own.data = &timer;
  uv_timer_start(
      &own,
      [](uv_timer_t* handle) {
        static_cast<Timer*>(handle->data)->arm_after(1ms);
        uv_close(base(*handle), nullptr);
      },
      1, 0);
  run_host();
  EXPECT_TRUE(fired);
}

TEST_F(UvHost, RunsPostsFromThreadsAndWorkOfWork) {
  constexpr int many = 1000;
  int done = 0;
  std::optional<WorkGuard> hold{reactor->work_guard()};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < many; ++n) {
        reactor->post([&] {
          reactor->defer([&] {
            if (++done == 4 * many) hold.reset();
          });
        });
      }
    });
  }
  run_host();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, 4 * many);
}

TEST_F(UvHost, LetsTheLoopEndThoughSomethingUnreferencedIsLeft) {
  const Pair pair = unix_pair();
  RecordingHandler handler;
  Watch watch = reactor->watch(pair.ours.get(), Ready::read, handler).value();
  watch.unref();
  Timer timer{*reactor, [] {}};
  timer.arm_after(1h);
  timer.unref();
  run_host();
  watch.ref();
  write_all(pair.theirs.get(), "x");
  handler.then = [&](Ready) { watch.cancel(); };
  run_host();
  EXPECT_EQ(handler.calls, 1);
}

TEST_F(UvHost, ListensToSignals) {
  int reported = 0;
  std::optional<Signal> signal;
  signal.emplace(*reactor, SIGUSR1, [&] {
    ++reported;
    signal.reset();
  });
  reactor->defer([] { (void)::raise(SIGUSR1); });  // cannot fail
  run_host();
  EXPECT_EQ(reported, 1);
}

TEST_F(UvHost, RunsBesideTheHostsOwnHandles) {
  int idles = 0;
  int ticks = 0;
  uv_idle_t idle;
  uv_timer_t tick;
  uv_idle_init(&loop, &idle);
  uv_timer_init(&loop, &tick);
  idle.data = &idles;
  tick.data = &ticks;
  uv_idle_start(&idle, [](uv_idle_t* handle) { ++*static_cast<int*>(handle->data); });
  uv_timer_start(&tick, [](uv_timer_t* handle) { ++*static_cast<int*>(handle->data); }, 0, 1);
  int fired = 0;
  Timer timer{*reactor, [&] {
                if (++fired < 5) return;
                timer.cancel();
                uv_close(base(idle), nullptr);
                uv_close(base(tick), nullptr);
              }};
  timer.arm_every(2ms);
  run_host();
  EXPECT_EQ(fired, 5);
  EXPECT_GT(idles, 5);
  EXPECT_GT(ticks, 2);
}

TEST_F(UvHost, CostsTheHostNothingWhileItHasNothingToDo) {
  int turns = 0;
  uv_prepare_t prepare;
  uv_timer_t end;
  uv_prepare_init(&loop, &prepare);
  uv_timer_init(&loop, &end);
  prepare.data = &turns;
  end.data = &prepare;
  uv_prepare_start(&prepare, [](uv_prepare_t* handle) { ++*static_cast<int*>(handle->data); });
  uv_timer_start(
      &end,
      [](uv_timer_t* handle) {
        uv_close(static_cast<uv_handle_t*>(handle->data), nullptr);
        uv_close(base(*handle), nullptr);
      },
      30, 0);
  reactor->defer([] {});
  run_host();
  EXPECT_LE(turns, 20);
}

TEST_F(UvHost, HandsExceptionsToTheHook) {
  std::vector<std::string> caught;
  reactor->set_exception_handler([&](std::exception_ptr exception) {
    try {
      std::rethrow_exception(exception);
    } catch (const std::exception& error) {
      caught.push_back(error.what());
    }
  });
  const Pair pair = unix_pair();
  Watch watch;
  RecordingHandler handler{[&](Ready) {
    watch.cancel();
    throw std::runtime_error("handler");
  }};
  watch = reactor->watch(pair.ours.get(), Ready::write, handler).value();
  Timer timer{*reactor, [] { throw std::runtime_error("timer"); }};
  timer.arm_after(10ms);
  bool done = false;
  reactor->defer([] { throw std::runtime_error("work"); });
  reactor->defer([&] { done = true; });
  run_host();
  EXPECT_EQ(caught.size(), 3U);
  EXPECT_EQ(caught.back(), "timer");
  EXPECT_TRUE(done);
}

TEST_F(UvHost, EndsWithTheReactorDestroyedFromTheHostsCallback) {
  const Pair pair = unix_pair();
  RecordingHandler handler;
  std::optional<Watch> watch{reactor->watch(pair.ours.get(), Ready::read, handler).value()};
  uv_timer_t own;
  uv_timer_init(&loop, &own);
  const std::function<void()> destroy = [&] {
    watch.reset();
    reactor.reset();
  };
  own.data = const_cast<std::function<void()>*>(&destroy);
  uv_timer_start(
      &own,
      [](uv_timer_t* handle) {
        (*static_cast<std::function<void()>*>(handle->data))();
        uv_close(base(*handle), nullptr);
      },
      1, 0);
  run_host();
  EXPECT_FALSE(reactor.has_value());
}

TEST_F(UvHost, SharesItsLoopWithASecondReactor) {
  Reactor second{std::move(host_on(&loop)).value()};
  int fired = 0;
  Timer here{*reactor, [&] { ++fired; }};
  Timer there{second, [&] { ++fired; }};
  here.arm_after(1ms);
  there.arm_after(2ms);
  run_host();
  EXPECT_EQ(fired, 2);
}

}  // namespace
}  // namespace rondo::test
