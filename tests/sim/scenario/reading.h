// SPDX-License-Identifier: MIT
// Reads of a coroutine, in one of many ways. Most of them may be cancelled when a part of what they
// wait for has arrived.
#pragma once

#include <rondo/coroutine.h>
#include <rondo/rondo.h>

#include "scene.h"

namespace rondo::sim::scenario {

/// Gets what was read, as soon as it was.
using Takes = Function<void(Bytes data)>;

/// One read; some end before anything was read. False: no more comes. Throws Disconnected, but not
/// IncompleteRead, whose part goes to `takes`.
[[nodiscard]] Task<bool> read_once(Site& site, Connection& from, Takes& takes);

}  // namespace rondo::sim::scenario
