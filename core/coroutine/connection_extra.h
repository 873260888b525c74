// SPDX-License-Identifier: MIT
// What a Connection needs besides its one word; see connection.cpp.
#pragma once

#include <rondo/connection.h>
#include <rondo/input_buffer.h>

namespace rondo {

struct Connection::Extra {
  Reader reader{};  // waits in read(); the first member, for tools/gdb/rondo_tasks.py
  InputBuffer input;
  Request* request = nullptr;  // waits for more input
  Waiter* waiters = nullptr;
  bool handles_draining = false;  // a task has asked for it
  bool drains = false;
  bool is_lent = false;  // on_data runs, and has lent the end of the input

  [[nodiscard]] bool is_spare() const noexcept {
    return input.size() == 0 && request == nullptr && waiters == nullptr && !handles_draining &&
           !is_lent;
  }
};

}  // namespace rondo
