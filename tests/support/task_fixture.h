// SPDX-License-Identifier: MIT
// What the tests of coroutines share: a reactor whose time is numbers, and a group for its tasks.
#pragma once

#include <gtest/gtest.h>

#include <utility>

#include <rondo/sleep.h>
#include <rondo/task.h>
#include <rondo/task_group.h>

#include "support/manual_reactor.h"
#include "support/task_end.h"

namespace rondo::test {

class TaskFixture : public ManualReactor {
 protected:
  /// Runs it to its end, or until it is cancelled.
  void run(Task<> task) {
    group.spawn(expect_no_exception(std::move(task)));
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(group.size(), 0U) << "it waits for what does not happen";
  }

  TaskGroup group{reactor};
};

/// Counts those that exist: in a frame, it shows whether the frame was destroyed, and once.
class Counted {
 public:
  explicit Counted(int& count) noexcept : count_(&count) { ++*count_; }
  Counted(const Counted& other) noexcept : count_(other.count_) { ++*count_; }
  Counted(Counted&& other) noexcept : count_(other.count_) { ++*count_; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*count_; }

 private:
  int* count_;
};

}  // namespace rondo::test
