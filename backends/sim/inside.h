// SPDX-License-Identifier: MIT
// Whether this thread runs code of a program, in a turn of one of its reactors, or code of the
// world. Only allocations of a program may fail for a test: the kernel of a simulated machine
// always has memory.
#pragma once

#include <utility>

namespace rondo::sim {

class WorldImpl;

/// While it exists, this thread runs code of a program in `world` or, if null, of the world itself.
class Inside {
 public:
  explicit Inside(WorldImpl* world) noexcept : before_(std::exchange(program_of, world)) {}
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside() { program_of = before_; }

  static inline thread_local WorldImpl* program_of =
      nullptr;  // null: the world itself, or no world

 private:
  WorldImpl* before_;
};

}  // namespace rondo::sim
