// SPDX-License-Identifier: MIT
// A user's libuv handles in rondo's own libuv loop.
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

/// The reverse: the loop belongs to rondo.
class UvGuest : public UvTest {
 protected:
  Reactor reactor{"uv"};
  uv_loop_t* const loop = uv_loop_of(reactor.backend());
};

TEST_F(UvGuest, HasALoopWhereTheBackendIsUv) {
  EXPECT_NE(loop, nullptr);
  for (const BuiltBackend& built : built_backends()) {
    EXPECT_EQ(uv_loop_of(**built.make()) != nullptr, built.name == "uv");
  }
}

TEST_F(UvGuest, RunsTheUsersTimerInsideTheReactor) {
  struct Tick {
    uv_timer_t timer{};
    std::optional<WorkGuard> hold;
    int count = 0;
  } tick;
  tick.hold.emplace(reactor.work_guard());
  uv_timer_init(loop, &tick.timer);
  tick.timer.data = &tick;
  uv_timer_start(
      &tick.timer,
      [](uv_timer_t* handle) {
        Tick& self = *static_cast<Tick*>(handle->data);
        if (++self.count < 5) return;
        uv_close(base(self.timer),
                 [](uv_handle_t* closed) { static_cast<Tick*>(closed->data)->hold.reset(); });
      },
      1, 1);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(tick.count, 5);
}

TEST_F(UvGuest, RunsTheUsersTcpInsideTheReactor) {
  struct Peer {
    uv_tcp_t tcp{};
    std::optional<WorkGuard> hold;
    std::string received;
    char room[64] = {};
  } peer;
  Pair pair = tcp_pair();
  peer.hold.emplace(reactor.work_guard());
  ASSERT_EQ(uv_tcp_init(loop, &peer.tcp), 0);
  ASSERT_EQ(uv_tcp_open(&peer.tcp, pair.theirs.release()), 0);
  peer.tcp.data = &peer;
  uv_read_start(
      reinterpret_cast<uv_stream_t*>(&peer.tcp),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        *buffer = uv_buf_init(static_cast<Peer*>(handle->data)->room, 64);
      },
      [](uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
        Peer& self = *static_cast<Peer*>(stream->data);
        if (size > 0) {
          self.received.append(buffer->base, static_cast<std::size_t>(size));
        } else if (size < 0) {
          uv_close(base(self.tcp),
                   [](uv_handle_t* closed) { static_cast<Peer*>(closed->data)->hold.reset(); });
        }
      });
  Watch watch;
  RecordingHandler handler{[&](Ready) {
    write_all(pair.ours.get(), "from rondo's side");
    watch.cancel();
    pair.ours.close();
  }};
  watch = reactor.watch(pair.ours.get(), Ready::write, handler).value();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(peer.received, "from rondo's side");
}

// libuv counts in milliseconds. A deadline that has passed is due now, not at the start of the next
// millisecond.
TEST_F(UvGuest, IsNotMadeToSleepForADeadlineThatHasPassed) {
  struct Look {
    uv_prepare_t prepare{};
    int looks = 0;
    int sleeps = 0;
  } look;
  uv_prepare_init(loop, &look.prepare);
  look.prepare.data = &look;
  uv_prepare_start(&look.prepare, [](uv_prepare_t* handle) {  // right before libuv polls
    Look& self = *static_cast<Look*>(handle->data);
    ++self.looks;
    self.sleeps += uv_backend_timeout(handle->loop) == 0 ? 0 : 1;
  });
  int fired = 0;
  Timer timer{reactor, [&] {
                if (++fired < 100) timer.arm_at(reactor.now());
              }};
  timer.arm_at(reactor.now());
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(fired, 100);
  EXPECT_EQ(look.looks, 100);
  EXPECT_EQ(look.sleeps, 0);
  uv_close(base(look.prepare), nullptr);
  EXPECT_TRUE(reactor.run_once(0s));
}

TEST_F(UvGuest, DoesNotWaitForTheUsersHandlesWithoutAHold) {
  uv_timer_t timer;
  uv_timer_init(loop, &timer);
  uv_timer_start(&timer, [](uv_timer_t*) {}, 1000 * 3600, 0);
  EXPECT_TRUE(reactor.run());
  uv_close(base(timer), nullptr);
  EXPECT_TRUE(reactor.run_once(0s));
}

}  // namespace
}  // namespace rondo::test
