// SPDX-License-Identifier: MIT
// FreeBSD, NetBSD and OpenBSD.
#include <unistd.h>

#include "child.h"

namespace rondo::backends {

void close_from(int first) noexcept { ::closefrom(first); }

}  // namespace rondo::backends
