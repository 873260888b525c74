// SPDX-License-Identifier: MIT
// Linux and the BSDs: a child by vfork(), which does not copy the tables of a large parent. The
// parent's thread waits until the child runs its program. The function below contains nothing but
// the call, because both return to its frame.
#include <fcntl.h>
#include <unistd.h>

#include "child.h"

namespace rondo::backends {

int open_pipe(int (&fds)[2]) noexcept { return ::pipe2(fds, O_CLOEXEC); }

[[gnu::noinline]] pid_t start_child(const ProgramStart& what, Report& report) noexcept {
  // NOLINTBEGIN(clang-analyzer-*, bugprone-unsafe-functions): become() only calls the system
  const pid_t child = ::vfork();
  if (child == 0) {
    report.is_shared.store(true);
    become(what, report.pipe);
  }
  // NOLINTEND(clang-analyzer-*, bugprone-unsafe-functions)
  return child;
}

}  // namespace rondo::backends
