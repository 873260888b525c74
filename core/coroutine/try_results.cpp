// SPDX-License-Identifier: MIT
#include <rondo/connection.h>
#include <rondo/try_results.h>

namespace rondo {

Disconnected ReadResult::error() const {
  RONDO_REQUIRE(is_lost(), "ReadResult::error", " was called, although no connection was lost.");
  return static_cast<const Connection*>(in_place_of_data())->failure("read");
}

/// Each function that an exception leaves costs thousands of instructions. So the task calls this
/// one, and nothing in it is to be destroyed.
void ReadResult::throw_error() const { throw error(); }

Disconnected SendResult::error() const {
  RONDO_REQUIRE(refused_ != nullptr, "SendResult::error", " was called, although data was taken.");
  return refused_->failure("write");
}

}  // namespace rondo
