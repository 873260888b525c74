// SPDX-License-Identifier: MIT
#include "pipe.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace rondo::sim {

Ready PipeEnd::ready() const noexcept {
  if (!other_) return detail::ready_for_all;  // HUP, or ERR
  if (!writes_) return bytes_.empty() ? Ready::none : Ready::read;
  return other_->pages_.size() < pages_max ? Ready::write : Ready::none;
}

/// Makes room for `size` bytes; returns the number of bytes that fit. As in pipe_write, the rest of
/// a page is written first.
std::size_t PipeEnd::put(std::size_t size) {
  std::size_t left = size;
  const std::size_t odd = size % page_size;
  if (odd != 0 && !pages_.empty() && pages_.back().end + odd <= page_size) {
    pages_.back().end += odd;
    left -= odd;
  }
  while (left != 0 && pages_.size() < pages_max) {
    const std::size_t part = std::min(left, page_size);
    pages_.push_back({0, part});
    left -= part;
  }
  return size - left;
}

void PipeEnd::take(std::size_t size) noexcept {
  while (size != 0) {
    Page& page = pages_.front();
    const std::size_t part = std::min(size, page.end - page.taken);
    page.taken += part;
    size -= part;
    if (page.taken == page.end) pages_.pop_front();
  }
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
  take(message.size);
  if (other_) other_->changed();
  return 0;
}

int PipeEnd::send(Message& message, Rights) {
  if (!writes_) return -EBADF;
  if (!other_) return -EPIPE;
  std::size_t room = other_->put(size_of(message));
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
