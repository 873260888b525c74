// SPDX-License-Identifier: MIT
// macOS, which has no call that closes what it is not told.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "child.h"

namespace rondo::backends {

void close_from(int first) noexcept {
  constexpr long every_number_max = 65536;
  const long count = std::min(::sysconf(_SC_OPEN_MAX), every_number_max);
  for (int fd = first; fd < count; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace rondo::backends
