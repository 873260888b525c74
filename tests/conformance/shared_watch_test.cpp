// SPDX-License-Identifier: MIT
// Several registrations of one descriptor.
#include <rondo/shared_watch.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class SharedWatchTest : public ReactorOnEveryBackend {
 protected:
  SharedWatch made(Ready interest, SharedWatch::Callback callback) {
    auto watch = SharedWatch::make(reactor, pair.ours.get(), interest, std::move(callback));
    EXPECT_TRUE(watch) << (watch ? "" : watch.error().message());
    return std::move(*watch);
  }
  /// A watch that adds `name` to the log once, and pauses then.
  void once(std::optional<SharedWatch>& watch, Ready interest, std::string name) {
    watch = made(interest, [this, &watch, name](Ready ready) {
      EXPECT_NE(ready, Ready::none);
      log += name;
      watch->set(Ready::none);
    });
  }
  void run() { run_turns(reactor, 3); }

  const Pair pair = unix_pair();
  std::string log;
};
RONDO_ON_EVERY_BACKEND(SharedWatchTest);

TEST_P(SharedWatchTest, CallsThoseOfADirectionInTheOrderOfTheirMaking) {
  std::optional<SharedWatch> first;
  std::optional<SharedWatch> second;
  once(first, Ready::write, "1");
  once(second, Ready::write, "2");
  run();
  EXPECT_EQ(log, "12");
  log.clear();
  write_all(pair.theirs.get(), "x");
  second->set(Ready::read);
  first->set(Ready::read);
  run();
  EXPECT_EQ(log, "12");
}

TEST_P(SharedWatchTest, CallsEachForItsOwnInterest) {
  write_all(pair.theirs.get(), "x");
  std::optional<SharedWatch> writer;
  std::optional<SharedWatch> reader;
  once(writer, Ready::write, "w");
  once(reader, Ready::read, "r");
  run();
  std::ranges::sort(log);  // kqueue reports each direction by itself
  EXPECT_EQ(log, "rw");
  EXPECT_EQ(reader->interest(), Ready::none);
  EXPECT_EQ(reader->fd(), pair.ours.get());
}

TEST_P(SharedWatchTest, PassesOnlyTheReadinessThatWasAskedFor) {
  write_all(pair.theirs.get(), "x");
  Ready seen = Ready::none;
  const SharedWatch writer = made(Ready::write, [](Ready) {});
  const SharedWatch reader = made(Ready::read, [&](Ready ready) { seen |= ready; });
  run();
  EXPECT_EQ(seen, Ready::read);
}

TEST_P(SharedWatchTest, AnEarlierCallbackMayDestroyALaterOne) {
  write_all(pair.theirs.get(), "x");
  std::optional<SharedWatch> second;
  const SharedWatch first = made(Ready::read, [&](Ready) {
    log += "1";
    second.reset();
  });
  second = made(Ready::read, [&](Ready) { log += "2"; });
  run();
  EXPECT_EQ(log.find('2'), std::string::npos);
  EXPECT_FALSE(log.empty());
}

TEST_P(SharedWatchTest, AnEarlierCallbackMayPauseALaterOne) {
  write_all(pair.theirs.get(), "x");
  std::optional<SharedWatch> second;
  const SharedWatch first = made(Ready::read, [&](Ready) { second->set(Ready::none); });
  second = made(Ready::read, [&](Ready) { log += "2"; });
  run();
  EXPECT_EQ(log, "");
}

TEST_P(SharedWatchTest, ACallbackMayDestroyAllOfThem) {
  write_all(pair.theirs.get(), "x");
  std::optional<SharedWatch> first;
  std::optional<SharedWatch> second;
  const auto shared = std::make_shared<int>(0);  // a use after its end is seen by a sanitizer
  first = made(Ready::both, [&, shared](Ready) {
    second.reset();
    first.reset();
    ++*shared;
  });
  second = made(Ready::both, [&](Ready) { log += "2"; });
  run();
  EXPECT_EQ(*shared, 1);
  EXPECT_EQ(shared.use_count(), 1) << "the callback is destroyed when it has returned";
  EXPECT_EQ(log, "");
  RecordingHandler handler;
  EXPECT_TRUE(reactor.watch(pair.ours.get(), Ready::read, handler)) << "the descriptor is free";
}

TEST_P(SharedWatchTest, ACallbackMayReplaceTheLastOne) {
  write_all(pair.theirs.get(), "x");
  std::optional<SharedWatch> watch;
  watch = made(Ready::read, [&](Ready) {
    log += "1";
    watch.reset();
    watch = made(Ready::read, [&](Ready) {
      log += "2";
      watch->set(Ready::none);
    });
    log += ";";
  });
  run();
  EXPECT_EQ(log, "1;2");
}

TEST_P(SharedWatchTest, OneThatIsMadeInACallbackIsNotCalledForTheOldEvent) {
  write_all(pair.theirs.get(), "x");
  std::optional<SharedWatch> second;
  const SharedWatch first = made(Ready::read, [&](Ready) {
    read_all(pair.ours.get());
    second = made(Ready::read, [&](Ready) { log += "2"; });
  });
  run();
  EXPECT_TRUE(second);
  EXPECT_EQ(log, "");
}

TEST_P(SharedWatchTest, AnExceptionLeavesTheOthersAsTheyAre) {
  write_all(pair.theirs.get(), "x");
  bool throws = true;
  const SharedWatch first = made(Ready::read, [&](Ready) {
    log += "1";
    if (std::exchange(throws, false)) throw std::runtime_error{"by the user"};
    read_all(pair.ours.get());
  });
  const SharedWatch second = made(Ready::read, [&](Ready) { log += "2"; });
  EXPECT_THROW(run(), std::runtime_error);
  run();
  EXPECT_EQ(log.substr(0, 3), "112") << "a backend may report once too often";
}

TEST_P(SharedWatchTest, ADescriptorWithAWatchIsRefused) {
  RecordingHandler handler;
  auto watch = reactor.watch(pair.ours.get(), Ready::read, handler);
  ASSERT_TRUE(watch);
  const auto refused = SharedWatch::make(reactor, pair.ours.get(), Ready::read, [](Ready) {});
  EXPECT_EQ(refused.error(), std::errc::file_exists);
  EXPECT_EQ(refused.error().context, "watch descriptor " + std::to_string(pair.ours.get()));
  watch->cancel();
  const SharedWatch shared = made(Ready::read, [](Ready) {});
  EXPECT_EQ(reactor.watch(pair.ours.get(), Ready::read, handler).error(), std::errc::file_exists);
}

TEST_P(SharedWatchTest, ReportsTheErrorsOfAWatch) {
  const auto refused = SharedWatch::make(reactor, -1, Ready::read, [](Ready) {});
  EXPECT_EQ(refused.error(), std::errc::bad_file_descriptor);
}

TEST_P(SharedWatchTest, KeepsTheReactorAsLongAsOneIsReferenced) {
  SharedWatch first = made(Ready::read, [](Ready) {});
  SharedWatch second = made(Ready::read, [](Ready) {});
  first.unref();
  EXPECT_TRUE(reactor.alive());
  second.unref();
  EXPECT_FALSE(reactor.alive());
  first.ref();
  EXPECT_TRUE(reactor.alive());
  first.cancel();
  EXPECT_FALSE(reactor.alive());
  EXPECT_FALSE(first);
  EXPECT_EQ(first.fd(), -1);
}

TEST_P(SharedWatchTest, MovesWithItsCallback) {
  write_all(pair.theirs.get(), "x");
  SharedWatch first = made(Ready::read, [&](Ready) { log += "1"; });
  SharedWatch second = std::move(first);
  second = made(Ready::write, [&](Ready) { log += "2"; });
  run();
  EXPECT_EQ(log.find('1'), std::string::npos);
  EXPECT_NE(log.find('2'), std::string::npos);
}

}  // namespace
}  // namespace rondo::test
