// SPDX-License-Identifier: MIT
#include "handshake_queue.h"

namespace rondo::detail {

void HandshakeQueue::add() {
  const std::size_t needed = count_ + 1;
  for (RunQueue* const queue : {&first_steps_, &next_steps_})
    if (queue->capacity() < needed) queue->reserve(needed * 2);
  ++count_;
}

StreamImpl* HandshakeQueue::next() noexcept {
  if (steps_left_ == 0) return nullptr;
  StreamImpl* stream = next_steps_.take_first();
  if (stream == nullptr && begun_ < begun_max) stream = first_steps_.take_first();
  if (stream != nullptr) --steps_left_;
  return stream;
}

}  // namespace rondo::detail
