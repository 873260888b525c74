// The model. A piece is in memory (`data` is not empty), or in a file (`file_size` is not 0), or it
// is a file of which a part was read into memory, because the system's sendfile refuses it: then
// `data` comes before the rest of the file. What has been sent of a piece is dropped from its
// front, and with its last byte the piece goes. A file that is sent to its end has the size
// to_end_of_file until end_file().
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
  if (empty() || pieces_.back().copy == nullptr || pieces_.back().is_file) return false;
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
  piece.is_file = true;
  piece.to_end = size == to_end_of_file;
  push(std::move(piece));
  if (size == to_end_of_file) {
    ++to_end_count_;
  } else {
    in_files_.add(size);
  }
  ++files_;
}

void OutputQueue::read_from_file(Bytes data) {
  RONDO_ASSERT(!empty() && pieces_[first_].is_file && pieces_[first_].data.empty());
  Piece& first = pieces_[first_];
  RONDO_ASSERT(data.size() <= first.file_size);
  Piece read = copied(data);
  first.copy = std::move(read.copy);
  first.room = read.room;
  first.data = read.data;
  memory_ += data.size();
  take_from_file(first, data.size());
}

void OutputQueue::take_from_file(Piece& piece, std::uint64_t size) noexcept {
  piece.file_offset += size;
  if (piece.to_end) return;
  piece.file_size -= size;
  in_files_.subtract(size);
}

void OutputQueue::end_file() noexcept {
  RONDO_ASSERT(!empty() && pieces_[first_].is_file && pieces_[first_].data.empty());
  Piece& first = pieces_[first_];
  if (!first.to_end) in_files_.subtract(first.file_size);
  pop();
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
    if (!piece.descriptors.empty() || piece.file_size != 0) break;
  }
  return count;
}

OutputQueue::FilePart OutputQueue::file() const noexcept {
  RONDO_ASSERT(!empty());
  const Piece& first = pieces_[first_];
  RONDO_ASSERT(first.file_size != 0);
  return {first.file.fd(), first.file_offset, first.file_size, first.to_end, first.copy != nullptr};
}

void OutputQueue::drop(std::uint64_t size) noexcept {
  RONDO_ASSERT(size <= this->size());
  while (size > 0) {
    Piece& first = pieces_[first_];
    descriptors_ -= first.descriptors.size();
    first.descriptors.clear();
    std::uint64_t here = 0;
    if (first.data.empty()) {
      here = std::min(size, first.file_size);
      take_from_file(first, here);
    } else {
      here = std::min<std::uint64_t>(size, first.data.size());
      first.data = first.data.subspan(static_cast<std::size_t>(here));
      memory_ -= static_cast<std::size_t>(here);
    }
    size -= here;
    if (first.is_sent()) pop();
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
  if (pieces_[first_].is_file) --files_;
  if (pieces_[first_].to_end) --to_end_count_;
  pieces_[first_++] = {};
  if (!empty()) return;
  pieces_.clear();
  first_ = 0;
}

void OutputQueue::clear() noexcept {
  pieces_.clear();
  first_ = 0;
  memory_ = 0;
  in_files_ = {};
  to_end_count_ = 0;
  descriptors_ = 0;
  files_ = 0;
}

}  // namespace rondo::detail
