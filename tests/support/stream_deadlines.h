// SPDX-License-Identifier: MIT
// A stream whose time is that of a backend that never sleeps: what the tests of deadlines share.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rondo/stream.h>
#include <rondo/timer.h>

#include "support/jumping_backend.h"
#include "support/stream_fixture.h"

namespace rondo::test {

class StreamDeadlines : public DescriptorCensus {
 protected:
  static constexpr Duration step = Duration{1 << 20};

  StreamDeadlines() {
    auto backend = std::make_unique<JumpingBackend>(net);
    reactor.emplace(std::unique_ptr<Backend>{std::move(backend)});
    pair = unix_pair();
    recorder.on_close_then = [this](Stream&) { closed_at = reactor->now(); };
  }

  void open(const StreamOptions& options) {
    started_at = reactor->now();
    stream = Stream::adopt(*reactor, Socket{net, pair.ours.release()}, recorder, options).value();
  }
  /// Does this at that time, counted from open().
  void at(Duration when, std::function<void()> then) {
    timers.push_back(std::make_unique<Timer>(*reactor, std::move(then)));
    timers.back()->arm_at(started_at + when);
  }
  void run() { EXPECT_TRUE(reactor->run()); }
  void expect_end(Duration when, std::string_view what,
                  CloseReason reason = CloseReason::timed_out) {
    run();
    ASSERT_EQ(recorder.closes, 1);
    EXPECT_EQ(recorder.reason, reason) << recorder.message;
    EXPECT_EQ(recorder.what, what);
    if (reason == CloseReason::timed_out) {
      EXPECT_EQ(recorder.error, std::errc::timed_out);
      EXPECT_EQ(recorder.message, std::string{what} + ": " + recorder.error.message());
    }
    EXPECT_GE(closed_at - started_at, when) << "early";
    EXPECT_LE(closed_at - started_at, when + step);
  }
  void say(std::string_view text) { write_all(pair.theirs.get(), text); }

  FailingNet net{system_net()};
  std::optional<Reactor> reactor;
  Pair pair;
  StreamRecorder recorder;
  std::unique_ptr<Stream> stream;
  TimePoint started_at{};
  TimePoint closed_at{};
  std::vector<std::unique_ptr<Timer>> timers;
};

}  // namespace rondo::test
