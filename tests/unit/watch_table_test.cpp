// SPDX-License-Identifier: MIT
// WatchTable: how it counts stale events, and its list of changes when a descriptor number is used
// again.
#include <memory>

#include "loop/watch_table.h"
#include "support/manual_backend.h"
#include "support/recording_handler.h"
#include "support/spy_backend.h"

#include <gtest/gtest.h>

namespace rondo::test {
namespace {

constexpr int fd = 7;

class WatchTableTest : public ::testing::Test {
 protected:
  SpyBackend backend{std::make_unique<ManualBackend>()};
  detail::WatchTable table{backend};
  RecordingHandler handler;
};

// A poller may report the two directions of a descriptor as two events, as kqueue does, and the
// handler of an earlier event in the batch may end the registration. Both are explained. More
// events mean that the poller still has the registration, so the reactor starts a new backend.
TEST_F(WatchTableTest, ExplainsOneStaleEventForEachDirection) {
  const Token token = table.add(fd, Ready::both, handler).value();
  const auto before = table.unexplained_events();
  table.remove(token);
  table.deliver(token, Ready::read);
  table.deliver(token, Ready::write);
  EXPECT_LE(table.unexplained_events(), before);
  table.deliver(token, Ready::read);
  EXPECT_GT(table.unexplained_events(), before);
  EXPECT_EQ(handler.calls, 0);
}

// The close of a descriptor ends its registration, so the call for it would be one too many.
TEST_F(WatchTableTest, LeavesTheEndToTheCloseOfADescriptor) {
  backend.set_unwatches_at_close();
  detail::WatchTable trusting{backend};
  trusting.remove_before_close(trusting.add(fd, Ready::read, handler).value());
  EXPECT_EQ(backend.unwatches, 0);
}

TEST_F(WatchTableTest, EndsWhatACloseDoesNotEnd) {
  table.remove_before_close(table.add(fd, Ready::read, handler).value());
  EXPECT_EQ(backend.unwatches, 1);
  backend.set_unwatches_at_close();
  detail::WatchTable trusting{backend};
  const Token token = trusting.add(fd, Ready::read, handler).value();
  trusting.distrust_close();
  trusting.remove_before_close(token);
  EXPECT_EQ(backend.unwatches, 2);
}

// The number is on the list of changes already when it is used again. On the list twice, it would
// exceed the memory that is reserved for the list, and a refusal would be reported twice.
TEST_F(WatchTableTest, ListsAReusedDescriptorNumberOnce) {
  const Token first = table.add(fd, Ready::read, handler).value();
  table.set(first, Ready::both);
  table.remove(first);
  const Token second = table.add(fd, Ready::read, handler).value();
  table.set(second, Ready::both);
  backend.fail_watch = {
      .skip = 0, .times = 9, .error = std::make_error_code(std::errc::not_enough_memory)};
  EXPECT_FALSE(table.flush());
  table.hint_refused();
  EXPECT_EQ(handler.calls, 1);
  table.remove(second);
}

}  // namespace
}  // namespace rondo::test
