// SPDX-License-Identifier: MIT
// A piece of a test in a child process.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

namespace rondo::test {

/// Leaves the child's part with a failure that names the condition.
#define RONDO_CHILD_REQUIRE(condition)                                                   \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: in the child: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                                          \
    }                                                                                    \
  } while (false)

constexpr unsigned child_seconds_max = 30;

/// Starts `part` in a child that then ends with its result as the exit code, no destructor or exit
/// handler run. The kernel ends it if it takes too long.
[[nodiscard]] inline pid_t start_child(const std::function<int()>& part) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::alarm(child_seconds_max);
  ::_exit(part());
}

/// Its exit code, or less than zero if it did not get so far: minus the signal.
[[nodiscard]] inline int end_of_child(pid_t child) {
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return -1000;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

[[nodiscard]] inline int in_child(const std::function<int()>& part) {
  return end_of_child(start_child(part));
}

}  // namespace rondo::test
