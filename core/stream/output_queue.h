// What a stream has yet to send: pieces in order, each a copy, owned bytes, or a part of
// a file. Descriptors may go with the first byte of a copy.
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

class OutputQueue {
 public:
  /// Copies share a piece up to this size.
  static constexpr std::size_t shared_size_max = std::size_t{4} << 10U;
  /// A piece begins with this much room, and grows: many streams may have a short line each to
  /// send.
  static constexpr std::size_t room_min = 256;

  /// Each may throw std::bad_alloc; nothing has changed then.
  void push_copy(Bytes data);
  void push_owned(OwnedBytes data);
  void push_file(File file, std::uint64_t offset, std::uint64_t size);
  /// `data` has at least a byte.
  void push_with_descriptors(Bytes data, std::vector<Socket> descriptors);

  /// In bytes: what is in memory, and that together with what is in files.
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }
  [[nodiscard]] bool empty() const noexcept { return first_ == pieces_.size(); }
  [[nodiscard]] std::uint64_t size() const noexcept { return memory_ + in_files_; }

  [[nodiscard]] std::size_t descriptors_waiting() const noexcept { return descriptors_; }

  /// The first bytes in memory, in order, up to the next file, and up to the next descriptors:
  /// those that they go with are a part alone. Returns how many parts were filled: none if a file
  /// comes first.
  [[nodiscard]] std::size_t gather(std::span<Bytes> parts) const noexcept;
  /// What is to go with the first byte, or nothing. Until the next change.
  [[nodiscard]] std::span<const Socket> front_descriptors() const noexcept {
    if (empty()) return {};
    return pieces_[first_].descriptors;
  }
  struct FilePart {
    int fd;
    std::uint64_t offset;
    std::uint64_t size;
  };
  /// The file that comes first; asserts that one does.
  [[nodiscard]] FilePart file() const noexcept;

  /// `size` bytes from the front have been sent, and the descriptors with them.
  void drop(std::uint64_t size) noexcept;
  void clear() noexcept;

 private:
  struct Piece {
    std::unique_ptr<std::byte[]> copy;  // `room` bytes, or none
    std::size_t room = 0;
    OwnedBytes owned;
    Bytes data;  // what of either is unsent
    File file;
    std::uint64_t file_offset = 0;
    std::uint64_t file_size = 0;
    std::vector<Socket> descriptors;
  };

  static Piece copied(Bytes data);
  [[nodiscard]] bool joins_last(Bytes data);
  void push(Piece piece);
  void pop() noexcept;

  std::vector<Piece> pieces_;
  std::size_t first_ = 0;  // those before it have gone
  std::size_t memory_ = 0;
  std::uint64_t in_files_ = 0;
  std::size_t descriptors_ = 0;
};

}  // namespace rondo::detail
