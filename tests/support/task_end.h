// Seeing to it that the exception of a task fails its test.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <utility>

#include <rondo/task.h>

namespace rondo::test {

/// The same task. An exception that leaves it is a failure of the test.
inline Task<> expect_no_exception(Task<> task) {
  try {
    co_await std::move(task);
  } catch (const std::exception& error) {
    ADD_FAILURE() << "an exception has left the task: " << error.what();
  }
}

}  // namespace rondo::test
