// SPDX-License-Identifier: MIT
// Running tasks in tests: an exception that leaves one fails its test.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <utility>

#include <rondo/task.h>
#include <rondo/task_group.h>

#include "support/run_until.h"

namespace rondo::test {

/// The same task. An exception that leaves it is a failure of the test.
inline Task<> expect_no_exception(Task<> task) {
  try {
    co_await std::move(task);
  } catch (const std::exception& error) {
    ADD_FAILURE() << "an exception has left the task: " << error.what();
  }
}

/// Runs turns until it has ended. False: that takes longer than `patience`; it is cancelled then.
[[nodiscard]] inline bool run_task(Reactor& reactor, Task<> task) {
  TaskGroup group{reactor};
  group.spawn(expect_no_exception(std::move(task)));
  return run_until(reactor, [&] { return group.size() == 0; });
}

}  // namespace rondo::test
