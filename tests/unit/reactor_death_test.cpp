// The assertions of a reactor. They are not part of the conformance suite, because that also runs
// on an installed library, which may have been built without assertions.
#ifndef NDEBUG
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>

#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "support/recording_handler.h"

namespace rondo::test {
namespace {

TEST(ReactorDeathTest, AssertsThatNoOtherThreadUsesIt) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  Reactor reactor;
  const auto use_from_elsewhere = [&](const std::function<void()>& use) {
    reactor.defer([&] {
      std::thread other{use};
      other.join();
    });
    EXPECT_TRUE(reactor.run());  // it dies
  };
  RecordingHandler handler;
  EXPECT_DEATH(use_from_elsewhere([&] { reactor.defer([] {}); }), "");
  EXPECT_DEATH(use_from_elsewhere([&] { EXPECT_TRUE(reactor.run()); }), "");
  EXPECT_DEATH(use_from_elsewhere([&] { EXPECT_TRUE(reactor.watch(0, Ready::read, handler)); }),
               "");
  Timer timer{reactor, [] {}};
  EXPECT_DEATH(use_from_elsewhere([&] { timer.arm_after(std::chrono::milliseconds{1}); }), "");
}

}  // namespace
}  // namespace rondo::test
#endif
