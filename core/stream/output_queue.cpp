// The model. A piece is either in memory (`data` is not empty) or in a file (`file_size` is not 0):
// what has been sent of it is dropped from its front, and with its last byte the piece goes.
//
// Small copies are gathered in pieces of up to shared_size_max, which grow as they are needed, so
// that many short writes are few allocations and one part of a writev, and one short write is no
// more memory than it needs.
#include "output_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <rondo/assert.h>

namespace rondo::detail {

void OutputQueue::push_copy(Bytes data) {
  if (data.empty()) return;
  if (!joins_last(data)) push(copied(data));
  memory_ += data.size();
}

bool OutputQueue::joins_last(Bytes data) {
  if (empty() || pieces_.back().copy == nullptr) return false;
  Piece& last = pieces_.back();
  const auto sent = static_cast<std::size_t>(last.data.data() - last.copy.get());
  const std::size_t used = sent + last.data.size();
  const std::size_t needed = used + data.size();
  if (last.room < needed) {
    if (needed > shared_size_max) return false;
    const std::size_t room = std::min(std::max(last.room * 2, needed), shared_size_max);
    auto larger = std::make_unique_for_overwrite<std::byte[]>(room);
    std::memcpy(larger.get(), last.copy.get(), used);
    last.copy = std::move(larger);
    last.room = room;
  }
  std::memcpy(last.copy.get() + used, data.data(), data.size());
  last.data = {last.copy.get() + sent, needed - sent};
  return true;
}

OutputQueue::Piece OutputQueue::copied(Bytes data) {
  Piece piece;
  piece.room = std::max(room_min, data.size());
  piece.copy = std::make_unique_for_overwrite<std::byte[]>(piece.room);
  std::memcpy(piece.copy.get(), data.data(), data.size());
  piece.data = {piece.copy.get(), data.size()};
  return piece;
}

void OutputQueue::push_owned(OwnedBytes data) {
  if (data.data().empty()) return;
  Piece piece;
  piece.data = data.data();
  piece.owned = std::move(data);
  push(std::move(piece));
  memory_ += pieces_.back().data.size();
}

void OutputQueue::push_file(File file, std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return;
  Piece piece;
  piece.file = std::move(file);
  piece.file_offset = offset;
  piece.file_size = size;
  push(std::move(piece));
  in_files_ += size;
}

void OutputQueue::push_with_descriptors(Bytes data, std::vector<Socket> descriptors) {
  RONDO_ASSERT(!data.empty());
  const std::size_t count = descriptors.size();
  Piece piece = copied(data);
  piece.descriptors = std::move(descriptors);
  push(std::move(piece));
  memory_ += data.size();
  descriptors_ += count;
}

std::size_t OutputQueue::gather(std::span<Bytes> parts) const noexcept {
  std::size_t count = 0;
  for (const Piece& piece : std::span{pieces_}.subspan(first_)) {
    if (count == parts.size() || piece.data.empty()) break;
    if (count > 0 && !piece.descriptors.empty()) break;
    parts[count++] = piece.data;
    if (!piece.descriptors.empty()) break;
  }
  return count;
}

OutputQueue::FilePart OutputQueue::file() const noexcept {
  RONDO_ASSERT(!empty());
  const Piece& first = pieces_[first_];
  RONDO_ASSERT(first.file_size != 0);
  return {first.file.fd(), first.file_offset, first.file_size};
}

void OutputQueue::drop(std::uint64_t size) noexcept {
  RONDO_ASSERT(size <= this->size());
  while (size > 0) {
    Piece& first = pieces_[first_];
    const std::uint64_t here = std::min<std::uint64_t>(size, first.data.size() + first.file_size);
    descriptors_ -= first.descriptors.size();
    first.descriptors.clear();
    if (first.file_size > 0) {
      first.file_offset += here;
      first.file_size -= here;
      in_files_ -= here;
    } else {
      first.data = first.data.subspan(static_cast<std::size_t>(here));
      memory_ -= static_cast<std::size_t>(here);
    }
    size -= here;
    if (first.data.empty() && first.file_size == 0) pop();
  }
}

void OutputQueue::push(Piece piece) {
  // The entries of sent pieces are removed when they are more than half of all, so that each piece
  // is moved a bounded number of times.
  if (first_ > pieces_.size() / 2) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  pieces_.push_back(std::move(piece));
}

void OutputQueue::pop() noexcept {
  pieces_[first_++] = {};
  if (!empty()) return;
  pieces_.clear();
  first_ = 0;
}

void OutputQueue::clear() noexcept {
  pieces_.clear();
  first_ = 0;
  memory_ = 0;
  in_files_ = 0;
  descriptors_ = 0;
}

}  // namespace rondo::detail
