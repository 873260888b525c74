// SPDX-License-Identifier: MIT
// What a stream has yet to send: pieces in order, each a copy, owned bytes, or a part of
// a file. Descriptors may go with the first byte of a copy.
//
// A program may ask for parts of files of any size, up to `to_end_of_file`, so the sum of their
// sizes does not fit 64 bits: WideSum counts how often it has wrapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <rondo/file.h>
#include <rondo/net.h>
#include <rondo/socket.h>
#include <rondo/stream.h>

namespace rondo::detail {

/// A sum of 64-bit sizes that is never wrong.
class WideSum {
 public:
  void add(std::uint64_t size) noexcept {
    low_ += size;
    if (low_ < size) ++high_;
  }
  /// `size` was added before.
  void subtract(std::uint64_t size) noexcept {
    if (low_ < size) --high_;
    low_ -= size;
  }
  /// This and `more`, or the largest number if the sum does not fit.
  [[nodiscard]] std::uint64_t plus(std::uint64_t more) const noexcept {
    return high_ > 0 || low_ > UINT64_MAX - more ? UINT64_MAX : low_ + more;
  }

 private:
  std::uint64_t low_ = 0;
  std::uint64_t high_ = 0;
};

class OutputQueue {
 public:
  OutputQueue() noexcept = default;
  OutputQueue(const OutputQueue&) = delete;
  OutputQueue& operator=(const OutputQueue&) = delete;
  ~OutputQueue() { clear(); }

  /// Copies share a piece up to this size.
  static constexpr std::size_t shared_size_max = std::size_t{4} << 10U;
  /// A piece begins with this much room, and grows: many streams may have a short line each to
  /// send.
  static constexpr std::size_t room_min = 256;

  /// Each may throw std::bad_alloc; nothing has changed then.
  void push_copy(Bytes data);
  void push_owned(OwnedBytes data);
  /// `size` may be to_end_of_file.
  void push_file(File file, std::uint64_t offset, std::uint64_t size);
  /// `data` has at least a byte.
  void push_with_descriptors(Bytes data, std::vector<Socket> descriptors);

  /// In bytes: what is in memory, and that together with what is in files, or UINT64_MAX if the
  /// sum does not fit or a file is sent to its end.
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }
  /// What is in memory, together with what the queue needs to keep it and what is in files.
  [[nodiscard]] std::size_t cost() const noexcept { return memory_ + count_ * sizeof(Piece); }
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::uint64_t size() const noexcept {
    return to_end_count_ > 0 ? UINT64_MAX : in_files_.plus(memory_);
  }
  /// Descriptors that are to be passed, and files.
  [[nodiscard]] std::size_t descriptors_waiting() const noexcept { return descriptors_; }
  [[nodiscard]] std::size_t files_waiting() const noexcept { return files_; }

  /// The first bytes in memory, in order, up to the next file, and up to the next descriptors:
  /// those that they go with are a part alone. Returns how many parts were filled: none if a file
  /// comes first.
  [[nodiscard]] std::size_t gather(std::span<Bytes> parts) const noexcept;
  /// What is to go with the first byte, or nothing. Until the next change.
  [[nodiscard]] std::span<const Socket> front_descriptors() const noexcept {
    if (empty()) return {};
    return first_->descriptors;
  }
  struct FilePart {
    int fd;
    std::uint64_t offset;
    std::uint64_t size;
    bool to_end;   // `size` is not known
    bool is_read;  // a part of it was put in its place by read_from_file()
  };
  /// The file that comes first; asserts that one does.
  [[nodiscard]] FilePart file() const noexcept;
  /// Puts a copy of `data`, which was read from the file that comes first, in the place of that
  /// part of it. May throw std::bad_alloc; nothing has changed then.
  void read_from_file(Bytes data);
  /// The file that comes first has ended.
  void end_file() noexcept;

  /// `size` bytes from the front have been sent, and the descriptors with them.
  void drop(std::uint64_t size) noexcept;
  /// Frees all memory, too.
  void clear() noexcept;

 private:
  struct Piece {
    std::unique_ptr<Piece> next;
    std::unique_ptr<std::byte[]> copy;  // `room` bytes, or none
    std::size_t room = 0;
    OwnedBytes owned;
    Bytes data;  // what of either is unsent
    File file;
    std::uint64_t file_offset = 0;
    std::uint64_t file_size = 0;
    bool is_file = false;
    bool to_end = false;
    std::vector<Socket> descriptors;

    [[nodiscard]] bool is_sent() const noexcept { return data.empty() && file_size == 0; }
  };

  static void copy_to(Piece& piece, Bytes data);
  /// How many of so many bytes the last piece has room for. It may be given more room.
  [[nodiscard]] std::size_t room_in_last(std::size_t size);
  [[nodiscard]] std::unique_ptr<Piece> new_piece();
  void push(std::unique_ptr<Piece> piece) noexcept;
  void take_from_file(Piece& piece, std::uint64_t size) noexcept;
  void pop() noexcept;

  std::unique_ptr<Piece> first_;
  Piece* last_ = nullptr;         // not used while the queue is empty
  std::unique_ptr<Piece> spare_;  // a piece that has gone, or none
  std::size_t count_ = 0;
  std::size_t memory_ = 0;
  WideSum in_files_;              // the sum of those whose size is known
  std::size_t to_end_count_ = 0;  // files that are sent to their end
  std::size_t descriptors_ = 0;
  std::size_t files_ = 0;
};

}  // namespace rondo::detail
