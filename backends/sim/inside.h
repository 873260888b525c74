// Whose code runs on this thread: that of a program, in a turn of one of its reactors, or that of
// the world. An allocation that is to fail for a test must be the program's: the kernel of a
// simulated machine has memory.
#pragma once

#include <utility>

namespace rondo::sim {

class WorldImpl;

/// While it lives, the code that runs is a program's in `world`, or, for null, the world's own.
class Inside {
 public:
  explicit Inside(WorldImpl* world) noexcept : before_(std::exchange(program_of, world)) {}
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside() { program_of = before_; }

  static inline thread_local WorldImpl* program_of = nullptr;  // null: the world's own, or none

 private:
  WorldImpl* before_;
};

}  // namespace rondo::sim
