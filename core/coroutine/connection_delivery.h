// SPDX-License-Identifier: MIT
// From the stream to the task that reads: the path that each message takes.
#pragma once

#include <rondo/connection.h>

#include "stream/stream_impl.h"
#include "task_context.h"

namespace rondo {

/// Input has arrived. `is_gone()` tells whether the connection has been destroyed meanwhile.
template <typename IsGone>
void Connection::deliver(Bytes data, IsGone is_gone) {
  Delivery delivery{data};
  if (!is(reader)) [[unlikely]]
    return deliver_elsewhere(delivery, is_gone);
  const Reader task = waiting_reader();
  set(lent, &delivery);
  try {
    task.promise().context().run(task);
  } catch (...) {
    if (!is_gone()) drop_input();
    throw;
  }
  if (is_gone() || is(reader)) [[likely]]  // usually it waits for more
    return;
  end_delivery();
}

template <typename IsGone>
[[gnu::noinline]] void Connection::deliver_elsewhere(const Delivery& delivery, IsGone is_gone) {
  try {
    begin_elsewhere(delivery.rest);
  } catch (...) {
    if (!is_gone()) drop_input();
    throw;
  }
  if (!is_gone()) end_delivery();
}

}  // namespace rondo
