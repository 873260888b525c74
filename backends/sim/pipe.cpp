#include "pipe.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace rondo::sim {

Ready PipeEnd::ready() const noexcept {
  if (!other_) return Ready::both;  // HUP, or ERR
  if (!writes_) return bytes_.empty() ? Ready::none : Ready::read;
  return other_->bytes_.size() < size_max ? Ready::write : Ready::none;
}

void PipeEnd::closed() {
  const Ref<PipeEnd> other = std::exchange(other_, {});
  if (!other) return;
  other->other_ = {};
  other->changed();
}

int PipeEnd::receive(Message& message, Rights&) {
  if (writes_) return -EBADF;
  if (bytes_.empty()) return other_ ? -EAGAIN : 0;
  for (const MutableBytes part : message.parts) message.size += bytes_.take(part);
  if (other_) other_->changed();
  return 0;
}

int PipeEnd::send(Message& message, Rights) {
  if (!writes_) return -EBADF;
  if (!other_) return -EPIPE;
  std::size_t room = size_max - other_->bytes_.size();
  if (room == 0) return -EAGAIN;
  for (const Bytes part : message.parts) {
    const Bytes taken = part.first(std::min(part.size(), room));
    other_->bytes_.append(taken);
    room -= taken.size();
    message.size += taken.size();
  }
  other_->changed();
  return 0;
}

}  // namespace rondo::sim
