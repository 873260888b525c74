// SPDX-License-Identifier: MIT
// A promise of the epoll backend alone: its wake-up descriptor, to which other threads write, stays
// open.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include <rondo/backend.h>

#include "support/collecting_sink.h"
#include "support/descriptor_census.h"

namespace rondo::test {
namespace {

class EpollTest : public DescriptorCensus {
 protected:
  static int wake_descriptor() {
    const std::map<int, std::string> open = open_descriptors();
    const auto found = std::find_if(open.begin(), open.end(), [](const auto& entry) {
      return entry.second.find("[eventfd]") != std::string::npos;
    });
    return found == open.end() ? -1 : found->first;
  }
};

// reinit() may run while other threads use the backend, to remove a zombie. A thread that is about
// to write must not find the number closed or reused.
TEST_F(EpollTest, RenewsWithoutGivingUpTheNumberThatWakeWritesTo) {
  const std::unique_ptr<Backend> backend = make_backend("epoll").value();
  const int before = wake_descriptor();
  ASSERT_GE(before, 0);
  EXPECT_FALSE(backend->reinit());
  EXPECT_EQ(wake_descriptor(), before);
  EXPECT_FALSE(backend->reinit());
  EXPECT_EQ(wake_descriptor(), before);

  CollectingSink sink;
  backend->wake();
  EXPECT_FALSE(backend->wait(sink, never)) << "and the wait returns";
}

}  // namespace
}  // namespace rondo::test
