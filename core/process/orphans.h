// SPDX-License-Identifier: MIT
// Programs that were detached, and whose reactor has ended.
#pragma once

#include <rondo/process_calls.h>

namespace rondo::detail {

/// Remembers the process, so that reap_orphans() waits for it. Without memory it is forgotten: it
/// remains in the system's table until this program ends. Any thread.
void add_orphan(ProcessCalls& calls, int id) noexcept;

/// Removes those that have ended from the system's table. Any thread.
void reap_orphans() noexcept;

}  // namespace rondo::detail
