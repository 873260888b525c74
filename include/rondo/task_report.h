// SPDX-License-Identifier: MIT
// rondo: what every task waits for.
#pragma once

#include <string>

#include <rondo/export.h>

namespace rondo {

class Reactor;

/// For each task of the reactor that is suspended, a line: what it awaits and for how long, and
/// then the places of the co_awaits from there up to its root:
///
///     Queue::pop, 12.503 s: src/jobs.cpp:40 < src/main.cpp:17
///
/// A task that is running, or was woken and continues in this turn, is not in it. For a program
/// that hangs; it takes memory.
[[nodiscard]] RONDO_EXPORT std::string describe_tasks(Reactor& reactor);

}  // namespace rondo
