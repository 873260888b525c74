// SPDX-License-Identifier: MIT
// The model. A piece is in memory (`data` is not empty), or in a file (`file_size` is not 0), or it
// is a file of which a part was read into memory, because the system's sendfile refuses it: then
// `data` comes before the rest of the file. What has been sent of a piece is dropped from its
// front, and with its last byte the piece goes. A file that is sent to its end has the size
// to_end_of_file until end_file().
//
// Small copies are gathered in pieces of up to shared_size_max, which grow as they are needed, so
// that many short writes are few allocations and one part of a writev, and one short write is no
// more memory than it needs. A copy fills the last piece before it begins another. So what the
// pieces need is a small part of what they hold.
//
// The pieces are a list: what the queue needs shrinks with each piece that goes. One piece that has
// gone is kept, so that a queue that is never empty takes no memory for the next piece.
#include "output_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <rondo/assert.h>

namespace rondo::detail {

void OutputQueue::push_copy(Bytes data) {
  if (data.empty()) return;
  const std::size_t joining = room_in_last(data.size());
  const Bytes rest = data.subspan(joining);
  std::unique_ptr<Piece> piece;
  if (!rest.empty()) {
    piece = new_piece();
    copy_to(*piece, rest);
  }
  if (joining > 0) {
    const std::size_t size = last_->data.size();
    const auto sent = static_cast<std::size_t>(last_->data.data() - last_->copy.get());
    std::memcpy(last_->copy.get() + sent + size, data.data(), joining);
    last_->data = {last_->copy.get() + sent, size + joining};
  }
  if (piece != nullptr) push(std::move(piece));
  memory_ += data.size();
}

std::size_t OutputQueue::room_in_last(std::size_t size) {
  if (empty() || last_->copy == nullptr || last_->is_file) return 0;
  Piece& last = *last_;
  const auto sent = static_cast<std::size_t>(last.data.data() - last.copy.get());
  const std::size_t used = sent + last.data.size();
  if (last.room - used < size && last.room < shared_size_max) {
    const std::size_t room = std::min(std::max(last.room * 2, used + size), shared_size_max);
    auto larger = std::make_unique_for_overwrite<std::byte[]>(room);
    std::memcpy(larger.get(), last.copy.get(), used);
    last.copy = std::move(larger);
    last.room = room;
    last.data = {last.copy.get() + sent, used - sent};
  }
  return std::min(size, last.room - used);
}

void OutputQueue::copy_to(Piece& piece, Bytes data) {
  const std::size_t room = std::max(room_min, data.size());
  piece.copy = std::make_unique_for_overwrite<std::byte[]>(room);
  piece.room = room;
  std::memcpy(piece.copy.get(), data.data(), data.size());
  piece.data = {piece.copy.get(), data.size()};
}

// NOLINTBEGIN(clang-analyzer-cplusplus.NewDeleteLeaks): push() keeps the piece, which it overlooks

void OutputQueue::push_owned(OwnedBytes data) {
  if (data.data().empty()) return;
  auto piece = new_piece();
  piece->data = data.data();
  piece->owned = std::move(data);
  memory_ += piece->data.size();
  push(std::move(piece));
}

void OutputQueue::push_file(File file, std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return;
  auto piece = new_piece();
  piece->file = std::move(file);
  piece->file_offset = offset;
  piece->file_size = size;
  piece->is_file = true;
  piece->to_end = size == to_end_of_file;
  push(std::move(piece));
  if (size == to_end_of_file) {
    ++to_end_count_;
  } else {
    in_files_.add(size);
  }
  ++files_;
}

void OutputQueue::read_from_file(Bytes data) {
  RONDO_ASSERT(!empty() && first_->is_file && first_->data.empty());
  Piece& first = *first_;
  RONDO_ASSERT(data.size() <= first.file_size);
  copy_to(first, data);
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
  RONDO_ASSERT(!empty() && first_->is_file && first_->data.empty());
  Piece& first = *first_;
  if (!first.to_end) in_files_.subtract(first.file_size);
  pop();
}

void OutputQueue::push_with_descriptors(Bytes data, std::vector<Socket> descriptors) {
  RONDO_ASSERT(!data.empty());
  const std::size_t count = descriptors.size();
  auto piece = new_piece();
  copy_to(*piece, data);
  piece->descriptors = std::move(descriptors);
  push(std::move(piece));
  memory_ += data.size();
  descriptors_ += count;
}

// NOLINTEND(clang-analyzer-cplusplus.NewDeleteLeaks)

std::size_t OutputQueue::gather(std::span<Bytes> parts) const noexcept {
  std::size_t count = 0;
  for (const Piece* piece = first_.get(); piece != nullptr; piece = piece->next.get()) {
    if (count == parts.size() || piece->data.empty()) break;
    if (count > 0 && !piece->descriptors.empty()) break;
    parts[count++] = piece->data;
    if (!piece->descriptors.empty() || piece->file_size != 0) break;
  }
  return count;
}

OutputQueue::FilePart OutputQueue::file() const noexcept {
  RONDO_ASSERT(!empty());
  const Piece& first = *first_;
  RONDO_ASSERT(first.file_size != 0);
  return {first.file.fd(), first.file_offset, first.file_size, first.to_end, first.copy != nullptr};
}

void OutputQueue::drop(std::uint64_t size) noexcept {
  RONDO_ASSERT(size <= this->size());
  while (size > 0) {
    Piece& first = *first_;
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

std::unique_ptr<OutputQueue::Piece> OutputQueue::new_piece() {
  return spare_ != nullptr ? std::move(spare_) : std::make_unique<Piece>();
}

void OutputQueue::push(std::unique_ptr<Piece> piece) noexcept {
  Piece* const pushed = piece.get();
  if (empty()) {
    first_ = std::move(piece);
  } else {
    last_->next = std::move(piece);
  }
  last_ = pushed;
  ++count_;
}

void OutputQueue::pop() noexcept {
  if (first_->is_file) --files_;
  if (first_->to_end) --to_end_count_;
  spare_ = std::exchange(first_, std::move(first_->next));
  *spare_ = {};
  --count_;
}

void OutputQueue::clear() noexcept {
  spare_.reset();
  while (!empty()) first_ = std::move(first_->next);  // not all in one another's destructor
  count_ = 0;
  memory_ = 0;
  in_files_ = {};
  to_end_count_ = 0;
  descriptors_ = 0;
  files_ = 0;
}

}  // namespace rondo::detail
